// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ExtToken} from "../src/ExtToken.sol";
import {Checked} from "./Checked.sol";

contract ExtTokenTest is Checked {
    uint256 private constant KEY = 0xE1;
    bytes32 private constant PERMIT = keccak256(
        "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
    );
    ExtToken private _token;

    function setUp() external {
        _token = new ExtToken(vm.addr(KEY), 1e27);
    }

    function testTheWholeSupplyIsTheHolders() external view {
        vm.assertEq(_token.totalSupply(), 1e27);
        vm.assertEq(_token.balanceOf(vm.addr(KEY)), 1e27);
        vm.assertEq(_token.decimals(), 18);
    }

    function testAPermitAllowsOnce(uint256 units, uint256 deadline) external {
        deadline = within(deadline, block.timestamp, type(uint256).max);
        address owner = vm.addr(KEY);
        bytes32 what = keccak256(abi.encode(PERMIT, owner, address(this), units, 0, deadline));
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", _token.DOMAIN_SEPARATOR(), what));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, digest);
        _token.permit(owner, address(this), units, deadline, v, r, s);
        vm.assertEq(_token.allowance(owner, address(this)), units);
        vm.expectPartialRevert(bytes4(keccak256("ERC2612InvalidSigner(address,address)")));
        _token.permit(owner, address(this), units, deadline, v, r, s);
    }
}
