"""The vendors' rules by golden vectors, and what must never be hashed."""

import hashlib

import pytest

from connectors.destinations import hashing


@pytest.mark.parametrize(
    ("standardised", "digest"),
    [
        (hashing.email(" John.Doe+Promo@GMAIL.com "),
            "80f9126efd0446cb338c54ea6fe3d4af8fa3fe93db0024b14150441550e632a2"),
        (hashing.phone_digits("+1 (202) 555-0143"),
            "c117141ed6aa9255b2be93c99c3ae2c1786cd5fe0a78d382c4de0cbb90c9b486"),
        (hashing.words(" Jean-Luc O'Neil "),
            "0d271085dcec0267d0728906abb9e677227e36688a66da76cebe18cd9e91f67a"),
        (hashing.state("California"),
            "6959097001d10501ac7d54c0bdb8db61420f658f2922cc26e46d536119a31126"),
        (hashing.postcode("94107-1234", country="US"),
            "c884a209ebe08750a7d13db63bd02233b375bd79786cbe329ab11586cc35dead"),
        (hashing.country("US"),
            "79adb2a2fce5c6ba215fe5f27f532d4e7edbac4b6a5e09e1ef3a08084a904621"),
        (hashing.gender("Female"),
            "252f10c83610ebca1a059c0bae8255eba2f95be4d1d7bcfa89d7248a82d9f111"),
        (hashing.email_without_dots(" John.Q.Doe@Gmail.com "),
            "cc650ecfc9f517e732fa131645d5f4ee607548563d94a3997b4e68be03da1814"),
        (hashing.email_without_dots(" Jane.Roe@Example.ORG "),
            "53fb8ab85c5a6ef8fdeba8b239a23e20859a7cf14909cfc627cf807e6c70a2af"),
        (hashing.phone("(202) 555-0143", region="US"),
            "54af34308301e43f00650baaeb6cf4925b942201d74191b26d48292cfec907fd"),
        (hashing.lower(" Ana "),
            "24d4b96f58da6d4a8512313bbd02a28ebf0ca95dec6e4c86ef78ce7f01e788ac"),
    ],
)  # fmt: skip
def test_a_field_is_standardised_and_hashed_as_the_vendor_does(standardised: str, digest: str) -> None:
    assert hashing.sha256(standardised) == digest


def test_a_trunk_zero_is_no_part_of_a_number() -> None:
    assert hashing.phone_digits("+44 (0)844 412-4653") == "448444124653"


@pytest.mark.parametrize("text", ["", "12", "no number", "(202) 555-0143"])
def test_what_is_no_full_telephone_number_is_not_hashed(text: str) -> None:
    assert hashing.sha256(hashing.phone(text)) == ""


@pytest.mark.parametrize("text", ["", "  ", "@", "a@", "@b.example", "a@b@c"])
def test_what_is_no_address_is_not_hashed(text: str) -> None:
    assert hashing.sha256(hashing.email(text)) == ""


def test_letters_with_accents_stay() -> None:
    assert hashing.letters("São Paulo") == "sãopaulo"
    assert hashing.words("  José   María-Ángel ") == "josé maríaángel"


def test_a_digest_is_that_of_the_bytes() -> None:
    assert hashing.sha256("ö") == hashlib.sha256("ö".encode()).hexdigest()
