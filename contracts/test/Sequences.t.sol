// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ExtToken} from "../src/ExtToken.sol";
import {RewardDistributor} from "../src/RewardDistributor.sol";
import {Checked} from "./Checked.sol";
import {Trees} from "./Trees.sol";

/// @dev Posts, withdrawals and claims as the fuzzer says, beside a plain ledger of what the trees
/// said. A tree may be honest or leave somebody out: neither may cost what was final.
contract RewardDays is Checked {
    uint256 public constant MEMBERS = 3;
    uint256 public constant FUNDS = 1e24;
    uint48 public constant WINDOW = 100;
    ExtToken public immutable token;
    RewardDistributor public immutable rewards;
    uint256 public time = 1_000_000;
    /// What the trees that stand say, and what was final once.
    mapping(uint64 day => uint256[MEMBERS]) public units;
    uint64 public finalNext;
    bytes32 public finalRoots;

    constructor() {
        vm.warp(time);
        token = new ExtToken(address(this), FUNDS);
        rewards = new RewardDistributor(token, ADMIN, OPERATOR, GUARDIAN, WINDOW);
        token.transfer(address(rewards), FUNDS / 2);
    }

    function who(uint256 member) public pure returns (address) {
        return address(uint160(0xC0 + member));
    }

    function nodes(uint64 day) public view returns (bytes32[] memory) {
        bytes32[] memory leaves = new bytes32[](MEMBERS);
        for (uint256 one = 0; one < MEMBERS; one++) {
            leaves[one] = Trees.leafOf(who(one), units[day][one]);
        }
        return Trees.nodesOf(leaves);
    }

    function wait_(uint256 seconds_) external {
        time += seconds_ % 150;
        vm.warp(time);
        while (finalNext < rewards.next() && rewards.isFinal(finalNext)) {
            finalRoots = keccak256(abi.encode(finalRoots, rewards.posted(finalNext)));
            finalNext++;
        }
    }

    function post(uint256 a, uint256 b, uint256 c) external {
        uint64 day = rewards.next();
        uint256[MEMBERS] memory more = [a % 1e22, b % 1e22, c % 1e22];
        for (uint256 one = 0; one < MEMBERS; one++) {
            units[day][one] = (day == 0 ? 0 : units[day - 1][one]) + more[one];
        }
        uint256 total = units[day][0] + units[day][1] + units[day][2];
        uint256 paid = more[0] + more[1] + more[2];
        bytes32 root = nodes(day)[0];
        vm.prank(OPERATOR);
        if (total > FUNDS / 2) vm.expectPartialRevert(RewardDistributor.NotCovered.selector);
        rewards.post(day, root, total, paid, root);
    }

    function withdraw(uint256 back) external {
        if (rewards.next() == finalNext) return;
        uint64 day = uint64(within(back, finalNext, rewards.next() - 1));
        vm.prank(back % 2 == 0 ? OPERATOR : GUARDIAN);
        rewards.withdraw(day, "the fuzzer says so");
    }

    function claim(uint256 member, uint256 day_) external {
        if (finalNext == 0) return;
        member %= MEMBERS;
        uint64 day = uint64(day_ % finalNext);
        bytes32[] memory proof = Trees.proofOf(nodes(day), member);
        uint256 before = rewards.claimed(who(member));
        uint256 due = units[day][member];
        if (due <= before) vm.expectPartialRevert(RewardDistributor.NothingToClaim.selector);
        rewards.claim(day, who(member), due, proof);
    }

    /// @dev Every claim that is left, in the order that the members have.
    function claimAll() external {
        if (finalNext == 0) return;
        uint64 day = finalNext - 1;
        for (uint256 one = 0; one < MEMBERS; one++) {
            if (units[day][one] > rewards.claimed(who(one))) {
                rewards.claim(day, who(one), units[day][one], Trees.proofOf(nodes(day), one));
            }
            vm.assertEq(rewards.claimed(who(one)), units[day][one], "all is claimed");
        }
    }
}

contract SequencesInvariants is Checked {
    RewardDays private _days;

    function setUp() external {
        _days = new RewardDays();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_days);
    }

    function invariantClaimsAreWithinTheTotalAndTheTotalWithinTheFunds() external view {
        RewardDistributor rewards = _days.rewards();
        uint256 sum = 0;
        for (uint256 one = 0; one < _days.MEMBERS(); one++) {
            address who = _days.who(one);
            vm.assertEq(rewards.claimed(who), _days.token().balanceOf(who), "paid");
            sum += rewards.claimed(who);
        }
        vm.assertEq(rewards.claimedInAll(), sum, "claimed in all");
        vm.assertLe(sum, rewards.totalPosted(), "claimed within the total");
        uint256 held = _days.token().balanceOf(address(rewards));
        vm.assertLe(rewards.totalPosted(), held + sum, "the total within what came in");
        vm.assertEq(held + sum, _days.FUNDS() / 2, "nothing leaves but by claims");
    }

    function invariantWhatWasFinalStaysAsItWas() external view {
        bytes32 roots;
        for (uint64 day = 0; day < _days.finalNext(); day++) {
            vm.assertTrue(_days.rewards().isFinal(day));
            roots = keccak256(abi.encode(roots, _days.rewards().posted(day)));
        }
        vm.assertEq(roots, _days.finalRoots());
        vm.assertTrue(_days.rewards().next() >= _days.finalNext());
    }
}
