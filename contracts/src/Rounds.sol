// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Challengeable} from "./Challengeable.sol";

/// @title Who qualifies for Congress and Senate, round by round.
/// @notice Of each round there is one score tree for each chamber, and the hash of the dataset that
/// anybody can compute them from. Who ranks where is proved against them once the round is final.
contract Rounds is Challengeable {
    /// @notice The shortest time in which a round can be challenged.
    uint48 public constant WINDOW_MIN = 48 hours;
    uint8 public constant CONGRESS = 1;
    uint8 public constant SENATE = 2;

    /// @notice Roots of both score trees, and the hash of the round's manifest.
    struct Round {
        bytes32 congress;
        bytes32 senate;
        bytes32 dataset;
    }

    mapping(uint64 number => Round) private _rounds;

    event Posted(
        uint64 indexed round, bytes32 congress, bytes32 senate, bytes32 dataset, uint48 finalFrom
    );

    error NoChamber(uint8 chamber);

    constructor(address admin, address operator, address guardian, uint48 window_)
        Challengeable(admin, operator, guardian, window_, WINDOW_MIN)
    {}

    /// @notice Post the roots of a round: of each round once, in the order of the rounds.
    function post(uint64 round, bytes32 congress, bytes32 senate, bytes32 dataset)
        external
        onlyRole(OPERATOR)
    {
        uint48 from = _append(round);
        _rounds[round] = Round(congress, senate, dataset);
        emit Posted(round, congress, senate, dataset, from);
    }

    /// @notice What was posted for a round, final or not; reverts when nothing stands.
    function posted(uint64 round) external view returns (Round memory) {
        finalFrom(round);
        return _rounds[round];
    }

    /// @notice Whether `who` has that place in a chamber's scores of a final round.
    /// @param first_ token-seconds for Congress, PoE for the Senate
    /// @param second PoE for Congress, verified members for the Senate
    /// @param id account index for Congress, pool number for the Senate
    function qualifies(
        uint8 chamber,
        uint64 round,
        address who,
        uint256 first_,
        uint256 second,
        uint256 id,
        bytes32[] calldata proof
    ) external view returns (bool) {
        if (chamber != CONGRESS && chamber != SENATE) revert NoChamber(chamber);
        _requireFinal(round);
        bytes32 root = chamber == CONGRESS ? _rounds[round].congress : _rounds[round].senate;
        bytes32 once = keccak256(abi.encode(chamber, round, who, first_, second, id));
        return MerkleProof.verifyCalldata(proof, root, keccak256(bytes.concat(once)));
    }
}
