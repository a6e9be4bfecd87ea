// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Challengeable} from "../src/Challengeable.sol";
import {Rounds} from "../src/Rounds.sol";
import {Checked} from "./Checked.sol";
import {Trees} from "./Trees.sol";

contract RoundsTest is Checked {
    uint48 private constant WINDOW = 48 hours;
    bytes32 private constant ANY = keccak256("any");
    Rounds private _rounds;

    function setUp() external {
        vm.warp(1_000_000);
        _rounds = new Rounds(ADMIN, OPERATOR, GUARDIAN, WINDOW);
    }

    function _post(uint64 round) private {
        vm.prank(OPERATOR);
        _rounds.post(round, ANY, ANY, ANY);
    }

    function testARoundIsPostedOnceAndInOrder(uint64 begin, uint64 other) external {
        vm.assume(begin < type(uint64).max - 1);
        vm.assume(other != begin + 1);
        _post(begin);
        vm.expectRevert(abi.encodeWithSelector(Challengeable.OutOfOrder.selector, begin + 1, begin));
        _post(begin);
        vm.expectRevert(abi.encodeWithSelector(Challengeable.OutOfOrder.selector, begin + 1, other));
        _post(other);
        _post(begin + 1);
        vm.assertEq(_rounds.next(), begin + 2);
    }

    function testOnlyTheOperatorPosts(address who) external {
        vm.assume(who != OPERATOR);
        bytes32 role = _rounds.OPERATOR();
        vm.expectRevert(
            abi.encodeWithSelector(
                IAccessControl.AccessControlUnauthorizedAccount.selector, who, role
            )
        );
        vm.prank(who);
        _rounds.post(0, ANY, ANY, ANY);
    }

    function testARoundIsFinalByTheClockAlone() external {
        _post(4);
        vm.warp(1_000_000 + WINDOW - 1);
        vm.assertFalse(_rounds.isFinal(4));
        vm.warp(1_000_000 + WINDOW);
        vm.assertTrue(_rounds.isFinal(4));
        vm.assertFalse(_rounds.isFinal(3));
        vm.assertFalse(_rounds.isFinal(5));
        vm.expectRevert(abi.encodeWithSelector(Challengeable.NotPosted.selector, 5));
        _rounds.posted(5);
    }

    function testOperatorAndGuardianWithdrawWithinTheWindowAndItIsPostedAnew() external {
        _post(4);
        _post(5);
        _post(6);
        vm.prank(GUARDIAN);
        _rounds.withdraw(5, "a member is missing");
        vm.assertEq(_rounds.next(), 5);
        vm.expectRevert(abi.encodeWithSelector(Challengeable.NotPosted.selector, 6));
        _rounds.posted(6);
        vm.warp(1_000_100);
        _post(5);
        vm.assertEq(_rounds.finalFrom(5), 1_000_100 + WINDOW);
        vm.prank(OPERATOR);
        _rounds.withdraw(4, "all of it");
        vm.assertEq(_rounds.next(), _rounds.first());
        _post(9); // nothing stands, so it begins anew
        vm.assertEq(_rounds.first(), 9);
    }

    function testWhatIsFinalStays(uint256 later) external {
        _post(4);
        later = within(later, 1_000_000 + WINDOW, type(uint48).max);
        vm.warp(later);
        vm.expectRevert(
            abi.encodeWithSelector(Challengeable.AlreadyFinal.selector, 4, 1_000_000 + WINDOW)
        );
        vm.prank(OPERATOR);
        _rounds.withdraw(4, "too late");
    }

    function testAWithdrawalNeedsARoleAndAReason() external {
        _post(4);
        vm.expectRevert(
            abi.encodeWithSelector(Challengeable.NeitherOperatorNorGuardian.selector, ADMIN)
        );
        vm.prank(ADMIN);
        _rounds.withdraw(4, "because");
        vm.expectPartialRevert(Challengeable.NoReason.selector);
        vm.prank(GUARDIAN);
        _rounds.withdraw(4, "");
    }

    function testAWindowHasBoundsExceptOnDevelopmentChains() external {
        new Rounds(ADMIN, OPERATOR, GUARDIAN, 0);
        vm.chainId(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                Challengeable.WindowOutOfBounds.selector, 48 hours - 1, 48 hours, 14 days
            )
        );
        new Rounds(ADMIN, OPERATOR, GUARDIAN, 48 hours - 1);
        new Rounds(ADMIN, OPERATOR, GUARDIAN, 48 hours);
        vm.expectPartialRevert(Challengeable.WindowOutOfBounds.selector);
        new Rounds(ADMIN, OPERATOR, GUARDIAN, 14 days + 1);
    }

    function testAPlaceIsProvedOfItsChamberAndRoundOnlyOnceFinal(
        address[5] calldata who,
        uint256 points,
        uint256 second,
        uint256 id
    ) external {
        id %= 5;
        for (uint8 chamber = 1; chamber <= 2; chamber++) {
            bytes32[] memory nodes = _scores(chamber, chamber, who, points, second);
            bytes32[] memory proof = Trees.proofOf(nodes, id);
            vm.prank(OPERATOR);
            _rounds.post(chamber, chamber == 1 ? nodes[0] : ANY, chamber == 2 ? nodes[0] : ANY, ANY);
            vm.expectPartialRevert(Challengeable.NotFinal.selector);
            _rounds.qualifies(chamber, chamber, who[id], points, second, id, proof);
            _post(chamber + 1);
            vm.warp(_rounds.finalFrom(chamber + 1));
            vm.assertTrue(_rounds.qualifies(chamber, chamber, who[id], points, second, id, proof));
            vm.assertFalse(
                _rounds.qualifies(chamber, chamber, who[id], points, second, id + 1, proof)
            );
            uint8 other = 3 - chamber;
            vm.assertFalse(_rounds.qualifies(other, chamber, who[id], points, second, id, proof));
            vm.assertFalse(
                _rounds.qualifies(chamber, chamber + 1, who[id], points, second, id, proof)
            );
            _rounds = new Rounds(ADMIN, OPERATOR, GUARDIAN, WINDOW);
        }
        vm.expectRevert(abi.encodeWithSelector(Rounds.NoChamber.selector, 3));
        _rounds.qualifies(3, 1, who[id], points, second, id, new bytes32[](0));
    }

    function _scores(
        uint8 chamber,
        uint64 round,
        address[5] calldata who,
        uint256 points,
        uint256 second
    ) private pure returns (bytes32[] memory) {
        bytes32[] memory leaves = new bytes32[](5);
        for (uint256 one = 0; one < 5; one++) {
            bytes32 once = keccak256(abi.encode(chamber, round, who[one], points, second, one));
            leaves[one] = keccak256(bytes.concat(once));
        }
        return Trees.nodesOf(leaves);
    }
}

/// @dev Posts and withdrawals as the fuzzer says.
contract RoundPoster is Checked {
    Rounds public immutable rounds = new Rounds(ADMIN, OPERATOR, GUARDIAN, 100);
    uint256 public time = 1_000_000;
    uint64 public finalNext = 6;

    constructor() {
        vm.warp(time);
        vm.prank(OPERATOR);
        rounds.post(6, 0, 0, 0);
    }

    function post(uint64 round, bytes32 root) external {
        round %= 12; // so that it often is the next one
        bool stands = rounds.first() != rounds.next();
        uint64 expected = rounds.next();
        vm.prank(OPERATOR);
        if (stands && round != expected) vm.expectPartialRevert(Challengeable.OutOfOrder.selector);
        rounds.post(round, root, root, root);
    }

    function postNext(bytes32 root) external {
        uint64 round = rounds.next();
        vm.prank(OPERATOR);
        rounds.post(round, root, root, root);
    }

    function withdraw(uint64 round, uint256 seconds_) external {
        round %= 12;
        time += seconds_ % 150;
        vm.warp(time);
        while (rounds.isFinal(finalNext)) finalNext++;
        bool stands = round >= rounds.first() && round < rounds.next();
        bool final_ = rounds.isFinal(round);
        vm.prank(GUARDIAN);
        if (!stands) vm.expectPartialRevert(Challengeable.NotPosted.selector);
        else if (final_) vm.expectPartialRevert(Challengeable.AlreadyFinal.selector);
        rounds.withdraw(round, "the fuzzer says so");
    }
}

contract RoundsInvariants is Checked {
    RoundPoster private _poster;

    function setUp() external {
        _poster = new RoundPoster();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_poster);
    }

    function invariantRoundsAreInOrderAndOnceFinalForEver() external view {
        Rounds rounds = _poster.rounds();
        uint48 before = 0;
        for (uint64 round = rounds.first(); round < rounds.next(); round++) {
            vm.assertTrue(rounds.finalFrom(round) >= before);
            before = rounds.finalFrom(round);
        }
        for (uint64 round = 6; round < _poster.finalNext(); round++) {
            vm.assertTrue(rounds.isFinal(round));
        }
    }
}
