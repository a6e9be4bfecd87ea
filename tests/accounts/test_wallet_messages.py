"""Our recovery of a signer against that of an independent library."""

from eth_account import Account
from eth_account.messages import encode_defunct

from excraft.accounts import wallet_messages
from tests.gateway.account.ethereum import Wallet, other_form


def test_signers_are_recovered_as_by_eth_account():
    for number in range(1, 30):
        wallet, text = Wallet(number), f"Hello \u00e9 {number}\n" * number
        signature = wallet.sign(text)
        theirs = Account.sign_message(encode_defunct(text=text), number.to_bytes(32, "big"))
        assert "0x" + theirs.signature.hex().removeprefix("0x") == signature
        assert wallet_messages.signer(text, signature) == wallet.address
        recovered = Account.recover_message(encode_defunct(text=text), signature=signature)
        assert recovered == wallet.address
        assert wallet_messages.signer(text + " ", signature) != wallet.address
        assert wallet_messages.signer(text, other_form(signature)) is None
