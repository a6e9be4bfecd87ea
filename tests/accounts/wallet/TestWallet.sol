// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title A wallet that is a contract (EIP-1271) for tests: honest, or with one fault.
contract TestWallet {
    enum Fault {
        None,
        AlwaysYes, // whoever signed whatever
        Reverts,
        Burns, // all gas that it gets
        SaysOne, // another word than the one that means yes
        Short, // the right four bytes, and no more
        Long // the right word, and a megabyte after it
    }

    Fault public immutable fault;
    address public owner;

    constructor(Fault fault_, address owner_) {
        fault = fault_;
        owner = owner_;
    }

    function setOwner(address owner_) external {
        owner = owner_;
    }

    /// The owner's signature in the first 65 bytes; wallets with many owners send more.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (fault == Fault.AlwaysYes) return 0x1626ba7e;
        require(fault != Fault.Reverts, "no");
        while (fault == Fault.Burns) {}
        uint256 length = fault == Fault.Short ? 4 : fault == Fault.Long ? 1 << 20 : 0;
        if (length > 0) {
            assembly {
                mstore(0x80, shl(224, 0x1626ba7e))
                return(0x80, length)
            }
        }
        if (fault == Fault.SaysOne) {
            assembly {
                mstore(0, 1)
                return(0, 32)
            }
        }
        if (signature.length < 65) return 0xffffffff;
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        address signer = ecrecover(hash, uint8(signature[64]), r, s);
        return signer != address(0) && signer == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}
