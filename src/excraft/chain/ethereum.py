"""What eth_account gives, imported in one place, since importing it needs mending.

It brings py_ecc, which raises Python's limit of nested calls from 1,000 to 100,000: more than
the stack of a process holds, so that one message of deeply nested JSON would end the exchange.
"""

import sys

from eth_account import Account
from eth_account.hdaccount.mnemonic import Mnemonic
from eth_account.signers.local import LocalAccount
from eth_account.types import Language

NESTED_CALLS = 1000

sys.setrecursionlimit(NESTED_CALLS)

__all__ = ["NESTED_CALLS", "Account", "Language", "LocalAccount", "Mnemonic"]
