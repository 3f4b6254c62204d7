"""Fetching an uploaded file from Slack: the bot's token goes to allow-listed hosts only, and at most 25 MiB come back.

Slack answers a wrong token, or one without `files:read`, with a login page and status 200; whether the bytes are a photo at all is
decided by `kenpin.tools.photo`, the only door for pixels, so a login page is passed on to it like any other file.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import httpx

from kenpin.bot.messenger import PhotoUnavailableError

MAX_BYTES = 25 * 2**20  # the same bound as kenpin.tools.photo; reading stops one byte past it, so that the photo is refused as too large
MAX_REDIRECTS = 3  # Slack's file host redirects once to a regional host; more is a loop
TIMEOUT_S = 30.0


class DownloadError(Exception):
    """A file could not be fetched. `retryable` says whether trying again can help.

    DownloadError
      HostNotAllowedError    the address is not on an allow-listed host: the token was not sent
      FileGoneError          deleted, or not shared with the bot
      FileHostError          the host did not answer, or answered with an error of its own
    """

    retryable = False


class HostNotAllowedError(DownloadError, PhotoUnavailableError):
    wording = "thread.file_elsewhere"


class FileGoneError(DownloadError, PhotoUnavailableError):
    wording = "thread.file_gone"


class FileHostError(DownloadError):
    retryable = True


def download(url: str, token: str, allowed_hosts: Sequence[str]) -> bytes:
    """The file's bytes, at most MAX_BYTES + 1 of them. Every redirect is checked against `allowed_hosts` before the token is sent.

    allowed_hosts: "host" (https on 443 only) or "host:port"; plain http only to a loopback address listed with its port.
    Raises HostNotAllowedError, FileGoneError, FileHostError.
    """
    address = check_host(url, allowed_hosts)
    with httpx.Client(follow_redirects=False, timeout=TIMEOUT_S, trust_env=not _is_loopback(address.host)) as client:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                with client.stream("GET", address, headers={"Authorization": f"Bearer {token}"}) as response:
                    if not response.is_redirect:
                        _check_status(response, address.host)
                        return _read(response)
                    target = response.headers.get("location", "")
            except httpx.HTTPError as error:
                raise FileHostError(f"{address.host} did not deliver the file: {type(error).__name__}.") from error
            address = check_host(target, allowed_hosts, seen_from=address)
    raise FileHostError(f"The file's address redirects more than {MAX_REDIRECTS} times; it last pointed to {address.host}.")


def check_host(url: str, allowed_hosts: Sequence[str], seen_from: httpx.URL | None = None) -> httpx.URL:
    """The address as it will be asked, so that what is checked here and what is asked cannot differ. seen_from: where a redirect came from.

    Raises HostNotAllowedError unless the token may be sent there.
    """
    try:
        address = seen_from.join(url) if seen_from else httpx.URL(url)
        host = address.host.lower()
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: a host that no international name can be
        raise HostNotAllowedError(
            f"A file's address cannot be read ({error}), so it was not asked. Upload the photo to Slack itself."
        ) from error
    port = address.port or (443 if address.scheme == "https" else 80)
    listed = f"{host}:{port}" in allowed_hosts or (host in allowed_hosts and address.scheme == "https" and port == 443)
    if not listed or address.scheme not in ("https", "http") or (address.scheme == "http" and not _is_loopback(host)):
        raise HostNotAllowedError(
            f"A file lies on {address.scheme}://{host}:{port}, which KENPIN_FILE_HOSTS ({', '.join(allowed_hosts)}) does not allow. "
            "The bot's token was not sent there. Upload the photo to Slack itself, or add the host to KENPIN_FILE_HOSTS."
        )
    return address


def _check_status(response: httpx.Response, host: str) -> None:
    if response.status_code in (403, 404, 410):
        raise FileGoneError(f"{host} answered {response.status_code}: the file was deleted or is not shared with the bot.")
    if response.status_code != 200:
        raise FileHostError(f"{host} answered {response.status_code}.")


def _read(response: httpx.Response) -> bytes:
    data = bytearray()
    for piece in response.iter_bytes():
        data += piece
        if len(data) > MAX_BYTES:
            return bytes(data[: MAX_BYTES + 1])
    return bytes(data)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
