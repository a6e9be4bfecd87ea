// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Challengeable} from "./Challengeable.sol";

/// @title Rewards that are claimed on chain.
/// @notice Each day has a tree of what each account may have claimed in all, so far. A claim pays
/// the difference to what the account had. The tree of every final day can be claimed by for ever:
/// no later post takes anything away. Tokens leave this contract by claims only.
contract RewardDistributor is Challengeable {
    using SafeERC20 for IERC20;

    /// @notice The shortest time in which a day's tree can be challenged.
    uint48 public constant WINDOW_MIN = 6 hours;

    /// @notice The tree of a day, the hash of what it was computed from, and the sum of its leaves.
    struct Day {
        bytes32 root;
        bytes32 dataset;
        uint256 total;
    }

    /// @notice The token that is paid.
    IERC20 public immutable token;
    /// @notice Units claimed by all, and by each account.
    uint256 public claimedInAll;
    mapping(address account => uint256) public claimed;
    /// @notice The last day by whose tree anybody claimed: all claims together are within its total.
    uint64 public newest;

    mapping(uint64 number => Day) private _days;

    event Posted(
        uint64 indexed day,
        bytes32 root,
        bytes32 dataset,
        uint256 total,
        uint256 paid,
        uint48 finalFrom
    );
    /// @param units what was paid now
    /// @param cumulative what the account has claimed in all
    event Claimed(address indexed account, uint64 indexed day, uint256 units, uint256 cumulative);

    error TotalMismatch(uint256 before, uint256 paid, uint256 total);
    error NotCovered(uint256 total, uint256 covered);
    error NotProved(uint64 day, address account, uint256 cumulative);
    error NothingToClaim(address account, uint256 cumulative, uint256 claimed);
    error MoreThanGranted(uint256 claimed, uint256 total);

    constructor(IERC20 token_, address admin, address operator, address guardian, uint48 window_)
        Challengeable(admin, operator, guardian, window_, WINDOW_MIN)
    {
        token = token_;
    }

    /// @notice Post the tree of a day: of each day once, in the order of the days.
    /// @param total sum of the tree's leaves: that of the day before, and what the day paid
    /// @param paid what the day added
    /// @param dataset hash of the dataset from which anybody can compute the tree
    function post(uint64 day, bytes32 root, uint256 total, uint256 paid, bytes32 dataset)
        external
        onlyRole(OPERATOR)
    {
        uint256 before = totalPosted();
        if (paid > total || total - paid != before) revert TotalMismatch(before, paid, total);
        uint256 covered = token.balanceOf(address(this)) + claimedInAll;
        if (total > covered) revert NotCovered(total, covered);
        uint48 from = _append(day);
        _days[day] = Day(root, dataset, total);
        emit Posted(day, root, dataset, total, paid, from);
    }

    /// @notice Pay `account` what it may have by the tree of a final day and has not had; anybody
    /// may call.
    /// @param cumulative what the tree says the account may have in all
    /// @return units what was paid
    function claim(uint64 day, address account, uint256 cumulative, bytes32[] calldata proof)
        external
        returns (uint256 units)
    {
        _requireFinal(day);
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account, cumulative))));
        if (!MerkleProof.verifyCalldata(proof, _days[day].root, leaf)) {
            revert NotProved(day, account, cumulative);
        }
        uint256 before = claimed[account];
        if (cumulative <= before) revert NothingToClaim(account, cumulative, before);
        units = cumulative - before;
        if (day > newest) newest = day;
        claimedInAll += units;
        if (claimedInAll > _days[newest].total) {
            revert MoreThanGranted(claimedInAll, _days[newest].total);
        }
        claimed[account] = cumulative;
        emit Claimed(account, day, units, cumulative);
        token.safeTransfer(account, units);
    }

    /// @notice What was posted for a day, final or not; reverts when nothing stands.
    function posted(uint64 day) external view returns (Day memory) {
        finalFrom(day);
        return _days[day];
    }

    /// @notice Sum of the leaves of the last tree that stands; 0 while none does.
    function totalPosted() public view returns (uint256) {
        return first == next ? 0 : _days[next - 1].total;
    }
}
