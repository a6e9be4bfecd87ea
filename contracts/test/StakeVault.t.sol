// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ExtToken} from "../src/ExtToken.sol";
import {StakeVault} from "../src/StakeVault.sol";
import {Checked} from "./Checked.sol";

contract StakeVaultTest is Checked {
    uint48 private constant DELAY = 7 days;
    address private constant ALICE = address(0xB1);
    ExtToken private _token;
    StakeVault private _vault;

    function setUp() external {
        _token = new ExtToken(ALICE, 1e27);
        _vault = new StakeVault(_token, DELAY);
        vm.prank(ALICE);
        _token.approve(address(_vault), type(uint256).max);
        vm.warp(1_000_000);
    }

    function testAFlashStakeCountsNothing(uint256 units) external {
        units = within(units, 1, 1e27);
        vm.startPrank(ALICE);
        _vault.stake(units);
        _vault.unstake(units);
        vm.warp(1_000_001);
        vm.assertEq(_vault.stakedAt(ALICE, 1_000_000), 0);
        (, uint48 ready) = _vault.leaving(ALICE);
        vm.expectRevert(
            abi.encodeWithSelector(StakeVault.NotReady.selector, ALICE, ready, 1_000_001)
        );
        _vault.withdraw();
    }

    function testStakeIsKnownForEachSecondThatIsOver(uint256 units, uint256 back) external {
        units = within(units, 1, 1e27);
        back = within(back, 1, units);
        vm.startPrank(ALICE);
        _vault.stake(units);
        vm.warp(1_000_050);
        _vault.unstake(back);
        vm.expectRevert(abi.encodeWithSelector(StakeVault.NotPast.selector, 1_000_050, 1_000_050));
        _vault.stakedAt(ALICE, 1_000_050);
        vm.warp(1_000_051);
        vm.assertEq(_vault.stakedAt(ALICE, 999_999), 0);
        vm.assertEq(_vault.stakedAt(ALICE, 1_000_000), units);
        vm.assertEq(_vault.stakedAt(ALICE, 1_000_049), units);
        vm.assertEq(_vault.stakedAt(ALICE, 1_000_050), units - back);
    }

    function testAskingBackMoreBeginsTheDelayAnewForAllThatWaits() external {
        vm.startPrank(ALICE);
        _vault.stake(100);
        _vault.unstake(30);
        vm.warp(1_000_000 + DELAY - 1);
        _vault.unstake(20);
        vm.warp(1_000_000 + DELAY);
        vm.expectPartialRevert(StakeVault.NotReady.selector);
        _vault.withdraw();
        vm.warp(1_000_000 + 2 * DELAY - 2);
        vm.expectPartialRevert(StakeVault.NotReady.selector);
        _vault.withdraw();
        vm.warp(1_000_000 + 2 * DELAY - 1);
        _vault.withdraw();
        vm.assertEq(_token.balanceOf(ALICE), 1e27 - 50);
        vm.expectRevert(abi.encodeWithSelector(StakeVault.NothingLeaving.selector, ALICE));
        _vault.withdraw();
    }

    function testNobodyTakesMoreThanTheyStaked(uint256 units, uint256 more) external {
        units = within(units, 0, 1e27);
        more = within(more, units + 1, type(uint256).max);
        vm.startPrank(ALICE);
        if (units > 0) _vault.stake(units);
        vm.expectRevert(abi.encodeWithSelector(StakeVault.NotStaked.selector, ALICE, more, units));
        _vault.unstake(more);
    }

    function testNothingIsRefused() external {
        vm.expectPartialRevert(StakeVault.NoUnits.selector);
        _vault.stake(0);
        vm.expectPartialRevert(StakeVault.NoUnits.selector);
        _vault.unstake(0);
    }

    function testADelayHasABound() external {
        uint48 most = _vault.DELAY_MAX();
        new StakeVault(_token, most);
        vm.expectRevert(abi.encodeWithSelector(StakeVault.DelayTooLong.selector, most + 1, most));
        new StakeVault(_token, most + 1);
    }
}

/// @dev Three members who do whatever the fuzzer says, and what a plain ledger says of it.
contract Stakers is Checked {
    ExtToken public immutable token;
    StakeVault public immutable vault;
    uint256 public constant MEMBERS = 3;
    uint256 public constant FUNDS = 1e24;
    uint256 public time = 1_000_000;
    mapping(uint256 member => uint256) public staked;
    mapping(uint256 member => uint256) public leaving;

    constructor() {
        token = new ExtToken(address(this), MEMBERS * FUNDS);
        vault = new StakeVault(token, 100);
        for (uint256 one = 0; one < MEMBERS; one++) {
            token.transfer(who(one), FUNDS);
            vm.prank(who(one));
            token.approve(address(vault), FUNDS);
        }
        vm.warp(time);
    }

    function who(uint256 member) public pure returns (address) {
        return address(uint160(0xC0 + member));
    }

    function stake(uint256 member, uint256 units) external {
        member %= MEMBERS;
        uint256 most = token.balanceOf(who(member));
        uint256 allowed = token.allowance(who(member), address(vault));
        if (most > allowed) most = allowed;
        if (most == 0) return;
        units = within(units, 1, most);
        vm.prank(who(member));
        vault.stake(units);
        staked[member] += units;
    }

    function unstake(uint256 member, uint256 units) external {
        member %= MEMBERS;
        if (staked[member] == 0) return;
        units = within(units, 1, staked[member]);
        vm.prank(who(member));
        vault.unstake(units);
        staked[member] -= units;
        leaving[member] += units;
    }

    function withdraw(uint256 member, uint256 seconds_) external {
        member %= MEMBERS;
        if (leaving[member] == 0) return;
        time += seconds_ % 300;
        vm.warp(time);
        (, uint48 ready) = vault.leaving(who(member));
        vm.prank(who(member));
        if (time < ready) vm.expectPartialRevert(StakeVault.NotReady.selector);
        else leaving[member] = 0;
        vault.withdraw();
    }
}

contract StakeVaultInvariants is Checked {
    Stakers private _stakers;

    function setUp() external {
        _stakers = new Stakers();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_stakers);
    }

    function invariantNoStakeIsLostOrMade() external view {
        uint256 held = 0;
        for (uint256 one = 0; one < _stakers.MEMBERS(); one++) {
            address who = _stakers.who(one);
            (uint208 leaving,) = _stakers.vault().leaving(who);
            uint256 staked = _stakers.vault().staked(who);
            vm.assertEq(staked, _stakers.staked(one), "staked");
            vm.assertEq(leaving, _stakers.leaving(one), "leaving");
            uint256 all = staked + leaving + _stakers.token().balanceOf(who);
            vm.assertEq(all, _stakers.FUNDS(), "of a member");
            held += staked + leaving;
        }
        vm.assertEq(held, _stakers.token().balanceOf(address(_stakers.vault())), "in the vault");
    }
}
