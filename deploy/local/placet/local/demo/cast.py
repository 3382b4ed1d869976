"""Who plays: for each controller the people at work there, each with a token of their own, and their clients."""

import hashlib
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from placet.local.controllers import ControllerFiles
from placet.local.mesh import Mesh
from placet.sdk import AsyncClient, Config, NoticeText, Template

PEOPLE: dict[str, tuple[str, ...]] = {
    "registrar": ("register",),
    "till": ("process", "enrol"),
    "teller": ("capture",),
    "second": ("capture",),
    "compliance": ("request",),
    "counsel": ("approve_legal",),
    "officer": ("approve_dpo", "dpo"),
    "auditor": ("auditor",),
}


@dataclass(frozen=True)
class Company:
    """One controller and the clients of the people who work there."""

    name: str
    files: ControllerFiles
    registrar: AsyncClient
    till: AsyncClient
    teller: AsyncClient
    second: AsyncClient
    compliance: AsyncClient
    counsel: AsyncClient
    officer: AsyncClient
    auditor: AsyncClient


async def company(mesh: Mesh, name: str, exits: AsyncExitStack) -> Company:
    """Create a controller and sign everybody in."""
    files = await mesh.create_controller(name)
    clients = {}
    for person, roles in PEOPLE.items():
        token = mesh.issuer.mint(f"{person}@{name}", [name], roles)
        config = Config.from_file(files.config, token=token, timeout=15.0)
        clients[person] = await exits.enter_async_context(AsyncClient(config))
    return Company(name, files, **clients)


def in_days(days: int) -> datetime:
    """Return a time that many days from now."""
    return datetime.now(UTC) + timedelta(days=days)


def sha(text: str) -> bytes:
    """Return the SHA-256 of a text: stands for the hash of a document, photo or report."""
    return hashlib.sha256(text.encode()).digest()


def template(person: str, *, wobble: float = 0.0) -> Template:
    """Return a made-up face template of a person; `wobble` makes it another picture of the same face."""
    base, noise = random.Random(person), random.Random(f"{person}{wobble}")  # noqa: S311 - a made-up face
    values = [base.gauss(0, 1) + wobble * noise.gauss(0, 1) for _ in range(256)]
    model = sha("demo-model-1")
    return Template.of(values, model_id="demo-model-1", model_sha256=model, quality=80, captured_at=datetime.now(UTC))


def notice_texts(controller: str, purpose: str) -> list[NoticeText]:
    """Return a notice with every item that Order 19 Art 5 asks for, in Chinese and English."""
    return [
        NoticeText(
            language="zh-CN",
            title="人脸信息处理告知书",
            controller_name=controller,
            contact="电话 95500",
            purpose=purpose,
            method="采集人脸图像，生成模板并进行一对一比对",
            retention="一年，撤回同意后立即删除",
            necessity="本人选择以人脸方式办理",
            impact="泄露可能造成身份冒用；模板加密存储",
            rights="可随时在柜台、网页或电话撤回，不影响其他服务",
        ),
        NoticeText(
            language="en",
            title="How we process your face",
            controller_name=controller,
            contact="Telephone 95500",
            purpose=purpose,
            method="We take a picture, make a template and compare one to one",
            retention="One year; deleted at once when you withdraw",
            necessity="You chose to be served by your face",
            impact="A leak could let somebody pose as you; templates are encrypted",
            rights="Withdraw at any time at the counter, on the web or by phone; no other service depends on it",
        ),
    ]
