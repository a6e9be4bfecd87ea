// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title Numbered posts, one after the other, each of which can be challenged before it counts.
/// @notice A post is final when its window is over: by the clock alone, nobody has to say so.
/// Within the window the operator or the guardian can withdraw it with a reason, and with it all
/// posts after it, which build on it; then it is posted anew. What is final stays for ever.
abstract contract Challengeable is AccessControl {
    bytes32 public constant OPERATOR = keccak256("OPERATOR");
    bytes32 public constant GUARDIAN = keccak256("GUARDIAN");
    /// @notice Chain id of development chains, the only ones where a window may be shorter.
    uint256 public constant LOCAL_CHAIN = 31337;
    /// @notice No window may be longer.
    uint48 public constant WINDOW_MAX = 14 days;

    /// @notice Seconds from a post to its finality.
    uint48 public immutable window;
    /// @notice Number of the first post that stands, and the number after the last one. While they
    /// are equal nothing stands, and the next post may begin with any number.
    uint64 public first;
    uint64 public next;

    mapping(uint64 number => uint48) private _finalFrom;

    /// @notice Posts `from` to `to` no longer stand.
    event Withdrawn(uint64 indexed from, uint64 to, address by, string reason);

    error WindowOutOfBounds(uint48 window, uint48 least, uint48 most);
    error OutOfOrder(uint64 expected, uint64 given);
    error NotPosted(uint64 number);
    error NotFinal(uint64 number, uint48 finalFrom);
    error AlreadyFinal(uint64 number, uint48 finalFrom);
    error NoReason();
    error NeitherOperatorNorGuardian(address caller);

    /// @param admin may appoint and dismiss operator and guardian
    /// @param least the shortest window, on other than development chains
    constructor(address admin, address operator, address guardian, uint48 window_, uint48 least) {
        if (block.chainid == LOCAL_CHAIN) least = 0;
        if (window_ < least || window_ > WINDOW_MAX) {
            revert WindowOutOfBounds(window_, least, WINDOW_MAX);
        }
        window = window_;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(OPERATOR, operator);
        _grantRole(GUARDIAN, guardian);
    }

    /// @notice Withdraw post `number` and all after it, within its window.
    function withdraw(uint64 number, string calldata reason) external {
        if (!hasRole(OPERATOR, msg.sender) && !hasRole(GUARDIAN, msg.sender)) {
            revert NeitherOperatorNorGuardian(msg.sender);
        }
        if (bytes(reason).length == 0) revert NoReason();
        uint48 from = finalFrom(number);
        if (block.timestamp >= from) revert AlreadyFinal(number, from);
        emit Withdrawn(number, next - 1, msg.sender, reason);
        next = number;
    }

    /// @notice The second from which post `number` is final; reverts when it does not stand.
    function finalFrom(uint64 number) public view returns (uint48) {
        if (number < first || number >= next) revert NotPosted(number);
        return _finalFrom[number];
    }

    /// @notice Whether post `number` stands and is final.
    function isFinal(uint64 number) external view returns (bool) {
        return number >= first && number < next && block.timestamp >= _finalFrom[number];
    }

    /// @dev Takes the next number, or reverts.
    function _append(uint64 number) internal returns (uint48 from) {
        if (first == next) first = number;
        else if (number != next) revert OutOfOrder(next, number);
        next = number + 1;
        from = uint48(block.timestamp) + window;
        _finalFrom[number] = from;
    }

    /// @dev Reverts unless post `number` is final.
    function _requireFinal(uint64 number) internal view {
        uint48 from = finalFrom(number);
        if (block.timestamp < from) revert NotFinal(number, from);
    }
}
