// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Challengeable} from "../src/Challengeable.sol";
import {ExtToken} from "../src/ExtToken.sol";
import {RewardDistributor} from "../src/RewardDistributor.sol";
import {Checked} from "./Checked.sol";
import {Trees} from "./Trees.sol";

contract RewardDistributorTest is Checked {
    uint48 private constant WINDOW = 6 hours;
    uint256 private constant FUNDS = 1e27;
    bytes32 private constant ANY = keccak256("any");
    ExtToken private _token;
    RewardDistributor private _rewards;
    bytes32[] private _nodes;

    function setUp() external {
        vm.warp(1_000_000);
        _token = new ExtToken(address(this), FUNDS);
        _rewards = new RewardDistributor(_token, ADMIN, OPERATOR, GUARDIAN, WINDOW);
        _token.transfer(address(_rewards), FUNDS);
    }

    function who(uint256 one) private pure returns (address) {
        return address(uint160(0xC000 + one));
    }

    /// @dev A final tree in which account i may have units(i), as `seed` says.
    function _grant(uint64 day, uint256 count, uint256 seed) private returns (uint256 total) {
        bytes32[] memory leaves = new bytes32[](count);
        for (uint256 one = 0; one < count; one++) {
            uint256 units = _units(seed, one);
            leaves[one] = Trees.leafOf(who(one), units);
            total += units;
        }
        _nodes = Trees.nodesOf(leaves);
        uint256 paid = total - _rewards.totalPosted();
        vm.prank(OPERATOR);
        _rewards.post(day, _nodes[0], total, paid, ANY);
        vm.warp(_rewards.finalFrom(day));
    }

    function _units(uint256 seed, uint256 one) private pure returns (uint256) {
        return 1 + uint256(keccak256(abi.encode(seed, one))) % 1e24;
    }

    function _proof(uint256 leaf) private view returns (bytes32[] memory) {
        return Trees.proofOf(_nodes, leaf);
    }

    function testClaimsInAnyOrderPayEveryoneExactly(uint256 seed, uint256 count) external {
        count = within(count, 1, 17);
        uint256 total = _grant(3, count, seed);
        uint256[] memory order = new uint256[](count);
        for (uint256 step = 0; step < count; step++) {
            uint256 other = uint256(keccak256(abi.encode(seed, "order", step))) % (step + 1);
            order[step] = order[other];
            order[other] = step;
        }
        for (uint256 step = 0; step < count; step++) {
            uint256 one = order[step];
            vm.prank(address(0xD00D)); // whoever calls
            _rewards.claim(3, who(one), _units(seed, one), _proof(one));
            vm.assertEq(_token.balanceOf(who(one)), _units(seed, one));
        }
        vm.assertEq(_rewards.claimedInAll(), total);
        vm.assertEq(_token.balanceOf(address(_rewards)), FUNDS - total);
    }

    function testASecondClaimPaysNothing(uint256 seed) external {
        _grant(0, 4, seed);
        uint256 units = _units(seed, 2);
        _rewards.claim(0, who(2), units, _proof(2));
        vm.expectRevert(
            abi.encodeWithSelector(RewardDistributor.NothingToClaim.selector, who(2), units, units)
        );
        _rewards.claim(0, who(2), units, _proof(2));
    }

    function testAnothersProofOrAnotherAmountProvesNothing(uint256 seed, uint256 more) external {
        more = within(more, 1, 1e40);
        _grant(0, 4, seed);
        vm.expectPartialRevert(RewardDistributor.NotProved.selector);
        _rewards.claim(0, who(1), _units(seed, 2), _proof(2));
        vm.expectPartialRevert(RewardDistributor.NotProved.selector);
        _rewards.claim(0, who(2), _units(seed, 2) + more, _proof(2));
        vm.expectPartialRevert(RewardDistributor.NotProved.selector);
        _rewards.claim(0, who(1), _units(seed, 1), _proof(2));
    }

    /// An inner node's 64 bytes, read as (address, uint256), would be a leaf if a leaf were hashed
    /// once. Its first word must look like an address, so the children are searched for one.
    function testAnInnerNodeNeverPosesAsALeaf(uint256 seed) external {
        _grant(0, 4, seed);
        for (uint256 node = 0; node < 3; node++) {
            bytes32 left = _nodes[2 * node + 1];
            bytes32 right = _nodes[2 * node + 2];
            if (left > right) (left, right) = (right, left);
            bytes32[] memory proof = Trees.proofOf(_nodes, _nodes.length - 1 - node);
            // encoded as they are: an address does not fill its word, so solc's encoder is no use
            bytes32 once = keccak256(abi.encode(left, right));
            vm.assertEq(once, _nodes[node]);
            (bool done,) = address(_rewards)
                .call(
                    bytes.concat(
                        RewardDistributor.claim.selector, abi.encode(uint64(0), left, right, proof)
                    )
                );
            vm.assertFalse(done);
            vm.expectPartialRevert(RewardDistributor.NotProved.selector);
            _rewards.claim(0, address(uint160(uint256(left))), uint256(right), proof);
        }
    }

    /// The one tree for which single hashing would be fatal: both children chosen so that the inner
    /// node is the encoding of an account and an amount.
    function testEncodingHashedOnceIsNoLeaf(address account, uint256 cumulative) external {
        cumulative = within(cumulative, 1, FUNDS);
        bytes32 once = keccak256(abi.encode(account, cumulative));
        vm.prank(OPERATOR);
        _rewards.post(0, once, FUNDS, FUNDS, ANY);
        vm.warp(1_000_000 + WINDOW);
        vm.expectPartialRevert(RewardDistributor.NotProved.selector);
        _rewards.claim(0, account, cumulative, new bytes32[](0));
    }

    function testAClaimWaitsUntilTheDayIsFinal(uint256 seed) external {
        _grant(7, 2, seed);
        vm.warp(1_000_000 + WINDOW - 1);
        vm.expectRevert(
            abi.encodeWithSelector(Challengeable.NotFinal.selector, 7, 1_000_000 + WINDOW)
        );
        _rewards.claim(7, who(0), _units(seed, 0), _proof(0));
        vm.expectRevert(abi.encodeWithSelector(Challengeable.NotPosted.selector, 8));
        _rewards.claim(8, who(0), _units(seed, 0), _proof(0));
    }

    function testALaterDayPaysTheDifferenceAndAnEarlierOneStaysGood() external {
        bytes32[] memory leaves = new bytes32[](2);
        leaves[0] = Trees.leafOf(who(0), 100);
        leaves[1] = Trees.leafOf(who(1), 50);
        bytes32[] memory early = Trees.nodesOf(leaves);
        vm.startPrank(OPERATOR);
        _rewards.post(0, early[0], 150, 150, ANY);
        _rewards.post(1, ANY, 170, 20, ANY); // leaves both out
        _rewards.post(2, Trees.leafOf(who(0), 130), 180, 10, ANY);
        vm.warp(1_000_000 + WINDOW);
        vm.assertEq(_rewards.claim(0, who(0), 100, Trees.proofOf(early, 0)), 100);
        vm.assertEq(_rewards.claim(2, who(0), 130, new bytes32[](0)), 30);
        vm.assertEq(_rewards.claim(0, who(1), 50, Trees.proofOf(early, 1)), 50);
        vm.expectPartialRevert(RewardDistributor.NothingToClaim.selector);
        _rewards.claim(0, who(0), 100, Trees.proofOf(early, 0));
    }

    function testNoTreePaysMoreThanItsTotal() external {
        vm.prank(OPERATOR);
        _rewards.post(0, Trees.leafOf(who(0), 101), 100, 100, ANY);
        vm.warp(1_000_000 + WINDOW);
        vm.expectRevert(
            abi.encodeWithSelector(RewardDistributor.MoreThanGranted.selector, 101, 100)
        );
        _rewards.claim(0, who(0), 101, new bytes32[](0));
    }

    function testATotalMustBeTheOneBeforeAndWhatIsPaid(uint256 total, uint256 paid) external {
        vm.startPrank(OPERATOR);
        _rewards.post(0, ANY, 1000, 1000, ANY);
        vm.assume(paid > total || total - paid != 1000);
        vm.expectRevert(
            abi.encodeWithSelector(RewardDistributor.TotalMismatch.selector, 1000, paid, total)
        );
        _rewards.post(1, ANY, total, paid, ANY);
    }

    function testATotalMustBeCovered() external {
        vm.startPrank(OPERATOR);
        vm.expectRevert(
            abi.encodeWithSelector(RewardDistributor.NotCovered.selector, FUNDS + 1, FUNDS)
        );
        _rewards.post(0, ANY, FUNDS + 1, FUNDS + 1, ANY);
        _rewards.post(0, Trees.leafOf(who(0), FUNDS), FUNDS, FUNDS, ANY);
        vm.warp(1_000_000 + WINDOW);
        _rewards.claim(0, who(0), FUNDS, new bytes32[](0));
        vm.expectRevert(
            abi.encodeWithSelector(RewardDistributor.NotCovered.selector, FUNDS + 1, FUNDS)
        );
        _rewards.post(1, ANY, FUNDS + 1, 1, ANY);
        _rewards.post(1, ANY, FUNDS, 0, ANY);
    }

    function testADayIsPostedOnceAndAWithdrawnTotalIsForgotten() external {
        vm.startPrank(OPERATOR);
        _rewards.post(5, ANY, 100, 100, ANY);
        vm.expectRevert(abi.encodeWithSelector(Challengeable.OutOfOrder.selector, 6, 5));
        _rewards.post(5, ANY, 100, 0, ANY);
        _rewards.post(6, ANY, 150, 50, ANY);
        _rewards.withdraw(6, "a wrong price");
        vm.assertEq(_rewards.totalPosted(), 100);
        _rewards.post(6, ANY, 140, 40, ANY);
        _rewards.withdraw(5, "all of it");
        vm.assertEq(_rewards.totalPosted(), 0);
    }

    function testOnlyTheOperatorPosts(address other) external {
        vm.assume(other != OPERATOR);
        vm.prank(other);
        vm.expectPartialRevert(
            bytes4(keccak256("AccessControlUnauthorizedAccount(address,bytes32)"))
        );
        _rewards.post(0, ANY, 0, 0, ANY);
    }

    function testAWindowHasBoundsExceptOnDevelopmentChains() external {
        new RewardDistributor(_token, ADMIN, OPERATOR, GUARDIAN, 0);
        vm.chainId(1);
        vm.expectPartialRevert(Challengeable.WindowOutOfBounds.selector);
        new RewardDistributor(_token, ADMIN, OPERATOR, GUARDIAN, 6 hours - 1);
    }
}
