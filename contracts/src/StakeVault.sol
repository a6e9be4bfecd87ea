// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Checkpoints} from "@openzeppelin/contracts/utils/structs/Checkpoints.sol";

/// @title Where EXT is staked.
/// @notice Stake counts by the second, from the block in which it came to the block in which it was
/// asked back; what comes and goes within a block counts nothing. What was asked back waits.
/// Nobody but its owner can move what is in here, and nobody can change the rules.
contract StakeVault {
    using Checkpoints for Checkpoints.Trace208;
    using SafeCast for uint256;
    using SafeERC20 for IERC20;

    /// @notice What was asked back: how much, and the first second at which it may be taken.
    struct Leaving {
        uint208 units;
        uint48 ready;
    }

    /// @notice No vault may keep anybody longer.
    uint48 public constant DELAY_MAX = 30 days;

    /// @notice The token that is staked.
    IERC20 public immutable token;
    /// @notice Seconds from asking back to taking.
    uint48 public immutable delay;

    mapping(address account => Leaving) public leaving;
    mapping(address account => Checkpoints.Trace208) private _staked;

    /// @param staked what the account has staked now
    event Staked(address indexed account, uint256 units, uint256 staked);
    /// @param staked what the account has staked now
    /// @param ready the first second at which all that the account asked back may be taken
    event UnstakeRequested(address indexed account, uint256 units, uint256 staked, uint256 ready);
    event Withdrawn(address indexed account, uint256 units);

    error DelayTooLong(uint48 delay, uint48 most);
    error NoUnits();
    error NotStaked(address account, uint256 units, uint256 staked);
    error NothingLeaving(address account);
    error NotReady(address account, uint48 ready, uint256 time);
    error NotPast(uint48 time, uint256 current);

    constructor(IERC20 token_, uint48 delay_) {
        if (delay_ > DELAY_MAX) revert DelayTooLong(delay_, DELAY_MAX);
        token = token_;
        delay = delay_;
    }

    /// @notice Stake `units` of the caller, who has allowed the vault to take them.
    function stake(uint256 units) external {
        if (units == 0) revert NoUnits();
        uint208 now_ = (staked(msg.sender) + units).toUint208();
        _staked[msg.sender].push(uint48(block.timestamp), now_);
        emit Staked(msg.sender, units, now_);
        token.safeTransferFrom(msg.sender, address(this), units);
    }

    /// @notice Ask `units` back. They stop counting now; with all that waits already they may be
    /// taken after `delay`, counted from now.
    function unstake(uint256 units) external {
        if (units == 0) revert NoUnits();
        uint256 before = staked(msg.sender);
        if (units > before) revert NotStaked(msg.sender, units, before);
        uint48 ready = uint48(block.timestamp) + delay;
        _staked[msg.sender].push(uint48(block.timestamp), (before - units).toUint208());
        leaving[msg.sender] = Leaving((leaving[msg.sender].units + units).toUint208(), ready);
        emit UnstakeRequested(msg.sender, units, before - units, ready);
    }

    /// @notice Take all that was asked back, once it is ready.
    function withdraw() external {
        Leaving memory due = leaving[msg.sender];
        if (due.units == 0) revert NothingLeaving(msg.sender);
        if (block.timestamp < due.ready) revert NotReady(msg.sender, due.ready, block.timestamp);
        delete leaving[msg.sender];
        emit Withdrawn(msg.sender, due.units);
        token.safeTransfer(msg.sender, due.units);
    }

    /// @notice Units that the account has staked now.
    function staked(address account) public view returns (uint256) {
        return _staked[account].latest();
    }

    /// @notice Units that the account had staked after the last block of second `time`, which must
    /// be over, so that it can never change any more.
    function stakedAt(address account, uint48 time) external view returns (uint256) {
        if (time >= block.timestamp) revert NotPast(time, block.timestamp);
        return _staked[account].upperLookupRecent(time);
    }
}
