// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @dev Trees as src/excraft/rewards/tree.py lays them out: children of i are 2i + 1 and 2i + 2,
/// the leaves lie at the end. Here they are not sorted, which no proof can tell.
library Trees {
    function leafOf(address account, uint256 cumulative) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(account, cumulative))));
    }

    function nodesOf(bytes32[] memory leaves) internal pure returns (bytes32[] memory nodes) {
        uint256 count = leaves.length;
        nodes = new bytes32[](2 * count - 1);
        for (uint256 place = 0; place < count; place++) {
            nodes[2 * count - 2 - place] = leaves[place];
        }
        for (uint256 place = count - 1; place > 0; place--) {
            nodes[place - 1] = Hashes.commutativeKeccak256(nodes[2 * place - 1], nodes[2 * place]);
        }
    }

    function proofOf(bytes32[] memory nodes, uint256 leaf)
        internal
        pure
        returns (bytes32[] memory proof)
    {
        uint256 place = nodes.length - 1 - leaf;
        uint256 length = 0;
        for (uint256 up = place; up > 0; up = (up - 1) / 2) {
            length++;
        }
        proof = new bytes32[](length);
        for (uint256 step = 0; place > 0; place = (place - 1) / 2) {
            proof[step++] = nodes[place % 2 == 1 ? place + 1 : place - 1];
        }
    }
}
