// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A token for tests: honest, or with one of the faults of hostile tokens.
contract TestToken {
    enum Fault {
        None,
        TakesFee, // one part in a hundred disappears; Transfer says the whole amount
        MovesNothing, // says Transfer, changes no balance
        HidesBalance, // balanceOf reverts
        TellsTwice, // balanceOf tells twice what there is
        Reenters // a transfer calls the token again: there, back and there, each with its Transfer
    }

    event Transfer(address indexed from, address indexed to, uint256 value);

    Fault public immutable fault;
    mapping(address => uint256) private _balances;

    constructor(Fault fault_, uint256 supply) {
        fault = fault_;
        _balances[msg.sender] = supply;
        emit Transfer(address(0), msg.sender, supply);
    }

    function balanceOf(address owner) external view returns (uint256) {
        require(fault != Fault.HidesBalance, "not told");
        return fault == Fault.TellsTwice ? 2 * _balances[owner] : _balances[owner];
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (fault != Fault.MovesNothing) {
            _balances[msg.sender] -= value;
            _balances[to] += fault == Fault.TakesFee ? value - value / 100 : value;
        }
        emit Transfer(msg.sender, to, value);
        if (fault == Fault.Reenters) {
            this.transferFrom(to, msg.sender, value);
            this.transferFrom(msg.sender, to, value);
        }
        return true;
    }

    /// Two transfers in one transaction, so that their logs have different numbers in it.
    function transferTwice(address to, uint256 first, uint256 second) external {
        this.transferFrom(msg.sender, to, first);
        this.transferFrom(msg.sender, to, second);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        require(msg.sender == address(this), "only from the token itself");
        _balances[from] -= value;
        _balances[to] += value;
        emit Transfer(from, to, value);
        return true;
    }
}
