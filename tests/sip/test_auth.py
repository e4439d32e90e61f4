import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softphone.sip.auth import (
    MAX_STALE_RETRIES,
    AuthAttempts,
    Challenge,
    Challenger,
    Credentials,
    DigestClient,
    strongest,
)
from softphone.sip.auth_server import MAX_NONCES, DigestServer, Verdict
from softphone.sip.digest import digest_response, strength
from softphone.sip.errors import LocalSipError, SipParseError
from softphone.sip.headers import Headers, parse_auth_params
from softphone.sip.message import Request, Response

RFC_7616 = {
    "username": "Mufasa",
    "realm": "http-auth@example.org",
    "password": "Circle of Life",
    "method": "GET",
    "uri": "/dir/index.html",
    "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
    "qop": "auth",
    "nonce_count": 1,
    "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
}
RFC_2617 = {
    "username": "Mufasa",
    "realm": "testrealm@host.com",
    "password": "Circle Of Life",
    "method": "GET",
    "uri": "/dir/index.html",
    "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
    "nonce_count": 1,
    "cnonce": "0a4f113b",
}
# draft-smith-sipping-auth-examples-01, sections 3.1 and following.
SIP_DRAFT = {
    "username": "bob",
    "realm": "biloxi.com",
    "password": "zanzibar",
    "method": "INVITE",
    "uri": "sip:bob@biloxi.com",
    "nonce": "dcd98b7102dd2f0e8b11d0f600bfb0c093",
    "nonce_count": 1,
    "cnonce": "0a4f113b",
}


class TestVectors:
    @pytest.mark.parametrize(
        ("algorithm", "expected"),
        [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ],
    )
    def test_rfc_7616_section_3_9_1(self, algorithm, expected):
        assert digest_response(algorithm=algorithm, **RFC_7616) == expected

    def test_rfc_2617_section_3_5(self):
        response = digest_response(algorithm="MD5", qop="auth", **RFC_2617)
        assert response == "6629fae49393a05397450978507c4ef1"

    @pytest.mark.parametrize(
        ("algorithm", "qop", "expected"),
        [
            ("MD5", "", "bf57e4e0d0bffc0fbaedce64d59add5e"),
            ("MD5", "auth", "89eb0059246c02b2f6ee02c7961d5ea3"),
            ("MD5-sess", "auth", "e4e4ea61d186d07a92c9e1f6919902e9"),
        ],
    )
    def test_sip_examples_of_the_draft(self, algorithm, qop, expected):
        assert digest_response(algorithm=algorithm, qop=qop, **SIP_DRAFT) == expected

    def test_auth_int_hashes_the_body_after_method_and_uri(self):
        def h(text):
            return hashlib.md5(text.encode()).hexdigest()

        ha1, ha2 = h("bob:biloxi.com:zanzibar"), h(f"INVITE:sip:bob@biloxi.com:{h('v=0')}")
        expected = h(f"{ha1}:{SIP_DRAFT['nonce']}:00000001:0a4f113b:auth-int:{ha2}")
        assert digest_response(algorithm="MD5", qop="auth-int", body=b"v=0", **SIP_DRAFT) == expected

    def test_sha_256_is_stronger_than_md5_and_an_unknown_one_is_none(self):
        assert strength("sha-256") > strength("MD5") > strength("SHA-3") == -1


def make_request(method="INVITE", uri="sip:bob@example.com", **headers):
    return Request(method, uri, Headers((k.replace("_", "-"), v) for k, v in headers.items()))


def make_challenge(*values, status=401):
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status, "x", Headers((name, value) for value in values))


def make_client(password="secret"):
    numbers = iter(range(1000))
    return DigestClient(Credentials("bob", password), make_cnonce=lambda: f"c{next(numbers)}")


def authorized(client, **options):
    request = make_request(**options)
    client.authorize(request)
    return [parse_auth_params(value)[1] for value in request.headers.get_all("Authorization")]


class TestClient:
    def test_the_strongest_of_several_challenges_is_answered(self):
        md5 = 'Digest realm="r", nonce="n1", algorithm=MD5, qop="auth"'
        sha = 'Digest realm="r", nonce="n2", algorithm=SHA-256, qop="auth"'
        for order in ((md5, sha), (sha, md5)):
            client = make_client()
            assert client.learn(make_challenge(*order), AuthAttempts())
            (params,) = authorized(client)
            assert (params["algorithm"], params["nonce"]) == ("SHA-256", "n2")

    def test_challenges_nobody_can_answer_are_passed_over(self):
        response = make_challenge(
            'Basic realm="r"',
            'Digest realm="r", nonce="n", algorithm=SHA-3, qop="auth"',
            'Digest realm="r", nonce="n", qop="token"',
            'Digest realm="r"',
            'Digest realm="r", nonce="ok"',
            "Digest ;;;",
        )
        assert [challenge.nonce for challenge in strongest(response).values()] == ["ok"]

    def test_nothing_to_answer_means_no_second_try(self):
        assert not make_client().learn(make_challenge('Basic realm="r"'), AuthAttempts())
        assert not make_client().learn(make_challenge(), AuthAttempts())

    def test_a_nonce_is_counted_across_requests(self):
        client = make_client()
        client.learn(make_challenge('Digest realm="r", nonce="n", qop="auth,auth-int"'), AuthAttempts())
        seen = [authorized(client, method=method)[0] for method in ("INVITE", "BYE", "OPTIONS")]
        assert [params["nc"] for params in seen] == ["00000001", "00000002", "00000003"]
        assert len({params["cnonce"] for params in seen}) == 3
        assert {params["qop"] for params in seen} == {"auth"}
        for params, method in zip(seen, ("INVITE", "BYE", "OPTIONS"), strict=True):
            assert params["response"] == digest_response(
                algorithm="MD5",
                username="bob",
                realm="r",
                password="secret",
                method=method,
                uri="sip:bob@example.com",
                nonce="n",
                qop="auth",
                nonce_count=int(params["nc"], 16),
                cnonce=params["cnonce"],
            )

    def test_opaque_goes_back_as_it_came(self):
        client = make_client()
        client.learn(make_challenge('Digest realm="r", nonce="n", opaque="a\\"b"'), AuthAttempts())
        assert authorized(client)[0]["opaque"] == 'a"b'

    def test_without_qop_there_is_no_count_and_no_cnonce(self):
        client = make_client()
        client.learn(make_challenge('Digest realm="r", nonce="n"'), AuthAttempts())
        (params,) = authorized(client)
        assert not {"nc", "cnonce", "qop", "algorithm", "opaque"} & set(params)

    def test_the_same_challenge_again_means_the_password_is_wrong(self):
        client, attempts = make_client(), AuthAttempts()
        assert client.learn(make_challenge('Digest realm="r", nonce="1"'), attempts)
        assert not client.learn(make_challenge('Digest realm="r", nonce="2"'), attempts)
        assert authorized(client) == []

    def test_a_stale_nonce_is_tried_again_but_not_for_ever(self):
        client, attempts = make_client(), AuthAttempts()
        assert client.learn(make_challenge('Digest realm="r", nonce="0"'), attempts)
        for n in range(MAX_STALE_RETRIES):
            assert client.learn(make_challenge(f'Digest realm="r", nonce="s{n}", stale=TRUE'), attempts)
            assert authorized(client)[0]["nonce"] == f"s{n}"
        assert not client.learn(make_challenge('Digest realm="r", nonce="z", stale=true'), attempts)

    def test_a_proxy_and_a_server_are_answered_side_by_side(self):
        client, attempts = make_client(), AuthAttempts()
        assert client.learn(make_challenge('Digest realm="p", nonce="1"', status=407), attempts)
        assert client.learn(make_challenge('Digest realm="s", nonce="2"'), attempts)
        request = make_request()
        client.authorize(request)
        assert 'realm="p"' in (request.headers.get("Proxy-Authorization") or "")
        assert 'realm="s"' in (request.headers.get("Authorization") or "")

    def test_a_next_nonce_replaces_the_old_one_and_the_count_starts_again(self):
        client = make_client()
        client.learn(make_challenge('Digest realm="r", nonce="n", qop="auth"'), AuthAttempts())
        authorized(client)
        client.learn_next(Response(200, "OK", Headers([("Authentication-Info", 'nextnonce="m", qop=auth')])))
        (params,) = authorized(client)
        assert (params["nonce"], params["nc"]) == ("m", "00000001")

    def test_a_user_name_that_cannot_be_sent_is_refused_at_once(self):
        with pytest.raises(LocalSipError):
            Credentials("bob\r\nEvil: 1", "secret")

    def test_the_password_does_not_show(self):
        assert "secret" not in repr(Credentials("bob", "secret"))
        assert "secret" not in repr(Challenger("r", {"bob": "secret"}))


class Pair:
    """A server that challenges and a client that answers."""

    def __init__(self, password="secret", **options):
        numbers = iter(range(100_000))
        config = Challenger(realm="r", users={"bob": "secret"}, **options)
        self.server = DigestServer(config, make_nonce=lambda: f"nonce{next(numbers)}")
        self.client = make_client(password)

    def challenge(self, *, stale=False, now=0.0):
        response = Response(401, "x", Headers(self.server.challenges(stale=stale, now=now)))
        assert self.client.learn(response, AuthAttempts())

    def request(self, **options):
        request = make_request(**options)
        self.client.authorize(request)
        return request

    def check(self, request, now=0.0):
        return self.server.check(request, now=now)


class TestServer:
    def test_offers_sha_256_before_md5(self):
        headers = Pair().server.challenges(stale=False, now=0.0)
        assert [Challenge.parse(value).algorithm for _, value in headers] == ["SHA-256", "MD5"]
        assert all(Challenge.parse(value).qop == "auth" for _, value in headers)

    @pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
    def test_the_right_password_is_accepted(self, algorithm):
        pair = Pair(algorithms=(algorithm,))
        pair.challenge()
        assert pair.check(pair.request()) is Verdict.ACCEPTED

    def test_no_credentials_or_those_of_another_realm_are_missing(self):
        pair = Pair()
        assert pair.check(make_request()) is Verdict.MISSING
        other = make_request(
            Authorization='Digest username="bob", realm="x", nonce="n", uri="u", response="0"'
        )
        assert pair.check(other) is Verdict.MISSING

    def test_a_wrong_password_is_wrong_and_so_is_an_unknown_user(self):
        pair = Pair(password="guess")
        pair.challenge()
        assert pair.check(pair.request()) is Verdict.WRONG
        pair = Pair()
        pair.client.credentials = Credentials("eve", "")
        pair.challenge()
        assert pair.check(pair.request()) is Verdict.WRONG

    def test_counts_may_grow_and_a_replay_is_stale(self):
        pair = Pair()
        pair.challenge()
        first, second = pair.request(), pair.request(method="BYE")
        assert pair.check(first) is Verdict.ACCEPTED
        assert pair.check(first) is Verdict.STALE
        assert pair.check(second) is Verdict.ACCEPTED
        assert pair.check(first) is Verdict.STALE

    def test_an_old_nonce_is_stale_to_one_who_knows_the_password_only(self):
        pair = Pair(nonce_lifetime_s=60.0)
        pair.challenge(now=0.0)
        assert pair.check(pair.request(), now=60.0) is Verdict.ACCEPTED
        assert pair.check(pair.request(), now=60.1) is Verdict.STALE
        liar = Pair(password="guess", nonce_lifetime_s=60.0)
        liar.challenge(now=0.0)
        assert liar.check(liar.request(), now=60.1) is Verdict.WRONG

    def test_a_nonce_of_nobody_is_stale(self):
        pair = Pair()
        pair.challenge()
        request = pair.request()
        assert Pair().check(request) is Verdict.STALE

    def test_stale_is_said_in_the_challenge(self):
        (_, value), *_ = Pair().server.challenges(stale=True, now=0.0)
        assert Challenge.parse(value).stale

    def test_credentials_for_another_uri_or_method_are_wrong(self):
        pair = Pair()
        pair.challenge()
        request = pair.request()
        moved = Request("INVITE", "sip:bob@example.net", request.headers)
        assert pair.check(moved) is Verdict.WRONG
        assert pair.check(Request("BYE", request.uri, request.headers)) is Verdict.WRONG

    def test_a_digest_uri_without_the_user_is_enough(self):
        pair = Pair()
        pair.challenge()
        request = pair.request(uri="sip:example.com")
        assert pair.check(Request("INVITE", "sip:bob@EXAMPLE.com", request.headers)) is Verdict.ACCEPTED

    def test_a_nonce_without_qop_serves_once(self):
        pair = Pair(algorithms=("MD5",))
        (_, value), *_ = pair.server.challenges(stale=False, now=0.0)
        bare = value.replace(', qop="auth"', "")
        assert pair.client.learn(make_challenge(bare), AuthAttempts())
        assert pair.check(pair.request()) is Verdict.ACCEPTED
        assert pair.check(pair.request()) is Verdict.STALE

    def test_nonces_kept_are_bounded_and_the_newest_stays(self):
        pair = Pair()
        for _ in range(MAX_NONCES + 10):
            headers = pair.server.challenges(stale=False, now=0.0)
        assert len(pair.server._nonces) == MAX_NONCES
        pair.client.learn(Response(401, "x", Headers(headers)), AuthAttempts())
        assert pair.check(pair.request()) is Verdict.ACCEPTED

    @pytest.mark.parametrize(
        "spoiled",
        [
            'nc="-1"',
            "nc=zzzz",
            "nc=00000000",
            "nc=1ffffffff",
            'qop="auth-int"',
            "algorithm=SHA-512",
            'response=""',
        ],
    )
    def test_odd_parameters_are_wrong(self, spoiled):
        pair = Pair()
        pair.challenge()
        request = pair.request()
        scheme, params = parse_auth_params(request.headers.get("Authorization") or "")
        name, _, value = spoiled.partition("=")
        params[name] = value.strip('"')
        text = ", ".join(f'{k}="{v}"' for k, v in params.items())
        request.headers.set("Authorization", f"{scheme} {text}")
        assert pair.check(request) is Verdict.WRONG

    def test_broken_credentials_are_wrong(self):
        assert Pair().check(make_request(Authorization="Digest username")) is Verdict.WRONG


names = st.sampled_from(
    ["realm", "nonce", "algorithm", "qop", "opaque", "stale", "nc", "response", "uri", "x"]
)
values = st.text(st.characters(exclude_categories=["Cc"]), max_size=12)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(names, values), max_size=8), st.booleans())
def test_any_challenge_parses_or_is_refused(fields, quoted):
    text = "Digest " + ", ".join(f'{n}="{v}"' if quoted else f"{n}={v}" for n, v in fields)
    try:
        challenge = Challenge.parse(text)
    except SipParseError:
        return
    client = make_client()
    assert client.learn(make_challenge(text), AuthAttempts())
    assert authorized(client)[0]["nonce"] == challenge.nonce


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(names, values), max_size=8))
def test_any_credentials_get_a_verdict(fields):
    text = 'Digest realm="r", ' + ", ".join(f'{n}="{v}"' for n, v in fields)
    assert Pair().check(make_request(Authorization=text)) in (Verdict.WRONG, Verdict.MISSING)
