// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title EXT, the token of the exchange: ERC-20 with permit and 18 decimals.
/// @notice The whole supply is made once, at deployment. Nobody can mint, burn, pause or block.
contract ExtToken is ERC20, ERC20Permit {
    /// @param holder who gets the whole supply
    /// @param supply units of 10^-18 EXT
    constructor(address holder, uint256 supply) ERC20("ExCraft", "EXT") ERC20Permit("ExCraft") {
        _mint(holder, supply);
    }
}
