"""A node, put together from its parts: the only file that knows every class between the edges.  Read it first.

How a request travels:

    GET /simple/NumPy/
     workers          with `node.workers`, processes that answer what web/hot has ready, and pass on all else
     web/hot          is what was answered to the same words the answer still (cache/at_hand; nothing about its project
                      in cache/knowledge has changed)?  or is it at hand although nobody has asked for it (web/unasked)?
                      then one write, and the request ends here; so do files (hot/sending).  All else is begun for a
                      share of each turn (cache/share), and made ready for who asks next once it is quiet
                      (web/hot/beforehand)
     web/guard        may who asks read numpy?  web/logins says who they are, by their password (access/throttle: were
                      too many wrong?), their token (cache/tokens: not revoked?) and where they ask from (web/client);
                      access/permissions what they are granted; a route asks web/visitor for what is not in its path
     web/simple       308 to the normalised name; negotiation; an `Ask` from what the client allows
     cache/hosted     published here, and not cache/deleted? then no tier is asked but those that a rule opens it to
     cache/entries    what is stored, or known to be absent; none of a tier that the rules exclude by now, or that may
                      not answer since the name became reserved (cache/reserved).  A large page that another takes the
                      place of is freed a few files at a time (cache/letting_go)
     cache/pages      policy.decide(entry, ask) -> Reuse | Revalidate | Forward | Refuse
     cache/collapse   one forward for numpy, however many ask
     cache/chain      policy.selection says which tiers, policy.breaker which of them are worth asking, and offline
                      none; one by one:
     upstream         present | not modified | absent | unreachable
     policy.conclude  (decision, answer) -> Store | Serve | Freshen | ServeStale | StoreAbsent | Unavailable
     cache/showing    the page as this node shows it: lengths, digests and sidecars that it knows filled in, and of
                      what its tier has withdrawn that which policy.removed lets be seen
     cache/admission  and of that no public file which is known to need others by direct URLs (policy/direct_urls)
     simple/render    bytes in the negotiated syntax, file URLs pointing here; kept by web/renderings

    GET /files/<sha256>/<filename>
     web/files        Range, If-Range, If-None-Match; the body goes out (web/body) as fast as the client takes it, from
                      where it is written down if it is
     cache/files      withdrawn by the node that hosts it (cache/withdrawn)? 404; refused by cache/admission? 403;
                      stored with every byte? then from storage; else
     cache/listings   filename -> project -> page -> what a tier says of the file
     cache/fill       one fetch for a digest; hashed and spooled as it comes; readers behind the writer, the last byte
                      withheld until length and digests are right, and the metadata within is admitted; the next
                      source where one fails
     cache/sidecars   `.metadata`: what came along with the page; the tier's, verified; else made from the wheel by a
                      few ranged reads, by the node nearest to the origin, and kept

    A client that resolves asks for what it was just told of: prefetch/read_ahead, in front of pages, sidecars and
    files, has that on its way before, as policy.read_ahead guesses and bounds it.  To a node below, web/tier/pages
    gives it along: the sidecar in the line of its page (prefetch/next_sidecar), behind that the pages of what is needed
    (prefetch/neighbourhood); there cache/along asks for each, and upstream/batches lets the ask meet the line.

    POST /legacy/
     web/channel      its head is here: the route runs, and reads the body while it comes (web/inflow)
     web/guard        may who asks publish anything?  (an answer before the body is taken)
     web/publish      publish/intake: the form's fields into memory, its file into a partial of the store, hashed
     publish/publisher  the digests, the archive, and what is said of both agree; the name is this node's
                      (publish/ownership, policy.hosting: what no rule opens and another tier has is refused)
     cache/hosted     bytes, record, page and journal are durable, in this order; then it is answered with 200
     web/forward      or, `to: <tier>`: publish/forwarding, upstream/uploads; what the tier says is the answer
    A file in a folder: publish/dropped looks, policy.dropped compares, publish/dropping takes it to the publisher

    News of a change, from the feed of a tier that is a node
     cache/follower   reads on from where it was; what it has missed makes everything from there stale
     policy.vouching  does it outdate what is stored?  cache/entries marks it; else a page that its home would tell of
                      is fresh without asking (cache/vouching), for as long as the feed is live
     cache/journal    passed on, once, to who follows this node: web/tier/feed

    POST /api/v1/prefetch          requirements, locks, or files that a node below has resolved
     web/prefetch     prefetch/jobs keeps it, so that it outlives a restart; equal ones are one
     prefetch/inputs  what the documents ask for; resolving/uv says which releases meet that together, by this node's
                      own pages as who asks may read them; prefetch/closing makes files of it
     prefetch/handing_on   to each tier that is a node what it lists, so that all of them fill side by side
     prefetch/bringing_in  as a client would ask, behind all clients; what no tier gives again once it is back
     prefetch/readiness    the resolver's word, by `/local/`, on what can be installed offline
    prefetch/keep_warm begins some by itself: from time to time, and on news

    POST /_/oidc/mint-token        a job of a CI system, which shows what that system signed about it
     cache/minting    read -> keys of its issuer (cache/signing_keys, upstream/issuer) -> verified -> whose claims are
                      they? -> not used before (cache/used_identities) -> a token of this node, for minutes

`/local/` is the same with `Ask(local=True)`, which no tier ever sees.  `cache/janitor` keeps the store in its budget.
The arrows: web -> cache -> interfaces <- upstream, storage; policy and simple are pure and know nobody.  What
publishes, prefetches and mints is put together in `tiercache.on_demand`, when it is first wanted; what the parts serve
in `tiercache.served`; the edges are opened and closed by `tiercache.service`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime

from tiercache import __version__
from tiercache.cache.about import About
from tiercache.cache.admission import Admission
from tiercache.cache.arrived_sidecars import ArrivedSidecars
from tiercache.cache.at_hand import AtHand
from tiercache.cache.chain import Chain
from tiercache.cache.deleted import DeletedFiles
from tiercache.cache.entries import Entries
from tiercache.cache.files import Files
from tiercache.cache.following import following_of
from tiercache.cache.hosted import Hosted
from tiercache.cache.janitor import Janitor
from tiercache.cache.journal import Journal
from tiercache.cache.judging import Judging
from tiercache.cache.knowledge import Knowledge
from tiercache.cache.letting_go import LettingGo
from tiercache.cache.link import SIBLING
from tiercache.cache.listings import Listings
from tiercache.cache.newest_sidecars import NewestSidecars
from tiercache.cache.pages import Pages
from tiercache.cache.reserved import ReservedNames
from tiercache.cache.showing import Showing
from tiercache.cache.sidecars import Sidecars
from tiercache.cache.switch import OfflineSwitch
from tiercache.cache.tokens import Tokens
from tiercache.cache.usage import Usage
from tiercache.cache.vouching import Vouching
from tiercache.cache.withdrawn import Withdrawn
from tiercache.config import Config
from tiercache.interfaces import ICatalogue, IFiles, IIssuer, INeighbour, IPublishTarget, IUpstream, Pool, Watch
from tiercache.parts import Given, Parts
from tiercache.prefetch.cached import Cached
from tiercache.prefetch.pace import Bandwidth
from tiercache.prefetch.read_ahead import read_ahead_of
from tiercache.stats import Stats

if TYPE_CHECKING:
    from tiercache.prefetch.prefetching import PrefetchEdges


def assemble(
    config: Config,
    *,
    files: IFiles,
    catalogue: ICatalogue,
    upstreams: Iterable[IUpstream],
    issuers: Callable[[], Sequence[IIssuer]] = tuple,
    clock: IReactorTime,
    now: Callable[[], float],
    pool: Pool,
    node_id: str = "",
    jitter: Callable[[], float] = lambda: 0.0,
    publish_targets: Iterable[IPublishTarget] = (),
    watch: Watch | None = None,
    prefetch_edges: Callable[[], PrefetchEdges] | None = None,
) -> Parts:
    """The parts of a node, joined; its edges are handed in, real ones or a test's.

    `publish_targets`: the tiers of which it is known where they take uploads.  `issuers` gives those whose identity
    tokens trusted publishers show.  `watch`: what hears of changes in folders, None: nothing does.  `jitter` gives a
    number in [0, 1).  `prefetch_edges` gives what prefetches need of the world, when there is one to carry out.
    """
    stats = Stats()
    usage = Usage(now=now)
    knowledge = Knowledge()
    switch = OfflineSwitch(catalogue=catalogue, configured=config.offline, knowledge=knowledge)
    upstreams = list(upstreams)
    journal = Journal(catalogue=catalogue, now=now, node_id=node_id)
    reserved = ReservedNames(
        catalogue=catalogue,
        journal=journal,
        knowledge=knowledge,
        tiers=tuple(upstream.tier.name for upstream in upstreams),
        nodes=frozenset(
            upstream.tier.name
            for upstream in upstreams
            if INeighbour.providedBy(upstream) and upstream.tier.kind != SIBLING
        ),
    )
    chain = Chain(
        switch=switch,
        clock=clock,
        now=now,
        rules=config.projects,
        breaker_rules=config.breaker,
        stats=stats,
        reserved=reserved.by,
    )
    for upstream in upstreams:
        chain.add(upstream)
    vouching = Vouching(catalogue=catalogue, now=now, own_id=node_id, knowledge=knowledge)
    entries = Entries(
        catalogue=catalogue,
        chain=chain,
        journal=journal,
        vouching=vouching,
        pool=pool,
        used=usage.note_page,
        knowledge=knowledge,
        let_go=LettingGo(clock=clock).of,
    )
    reserved.on_change(entries.forget_absence)
    hosted = Hosted(
        catalogue=catalogue,
        files=files,
        usage=usage,
        journal=journal,
        reserved=reserved,
        changed=entries.changed,
        node_id=node_id,
        pool=pool,
        now=now,
    )
    admission = Admission(
        catalogue=catalogue,
        journal=journal,
        changed=entries.changed,
        stats=stats,
        rule=config.admission.direct_urls,
        stated_public={tier.name: tier.public for tier in config.tiers},
    )
    showing = Showing(
        catalogue=catalogue, chain=chain, hosted=hosted, admission=admission, removed=config.freshness.removed
    )
    pages = Pages(
        entries=entries,
        hosted=hosted,
        showing=showing,
        arrived=ArrivedSidecars(catalogue=catalogue, admission=admission, changed=entries.changed),
        catalogue=catalogue,
        chain=chain,
        switch=switch,
        rules=config.freshness,
        clock=clock,
        now=now,
        stats=stats,
    )
    deleted = DeletedFiles(
        catalogue=catalogue, files=files, hosted=hosted, keep_s=config.publish.keep_deleted_s, pool=pool, now=now
    )
    janitor = Janitor(
        catalogue=catalogue,
        files=files,
        usage=usage,
        budget_bytes=config.store.budget_bytes,
        pool=pool,
        stats=stats,
        changed=entries.changed,
        expire=deleted.expire,
    )
    listings = Listings(catalogue=catalogue, entries=entries, hosted=hosted, chain=chain, pages=pages, now=now)
    judging = Judging(admission=admission, listings=listings, files=files, pool=pool)
    withdrawn = Withdrawn(entries=entries, pages=pages, showing=showing, switch=switch)
    file_service = Files(
        catalogue=catalogue,
        files=files,
        showing=showing,
        judging=judging,
        withdrawn=withdrawn,
        listings=listings,
        entries=entries,
        chain=chain,
        switch=switch,
        usage=usage,
        make_room=janitor.make_room,
        pace=Bandwidth(clock=clock, bytes_per_s=config.prefetch.bandwidth_bytes).wait,
        clock=clock,
        now=now,
        pool=pool,
        stats=stats,
    )
    sidecars = Sidecars(
        catalogue=catalogue,
        admission=admission,
        judging=judging,
        withdrawn=withdrawn,
        files=file_service,
        stored_files=files,
        listings=listings,
        entries=entries,
        chain=chain,
        switch=switch,
        pool=pool,
        stats=stats,
    )
    following = following_of(
        upstreams,
        chain,
        own_id=node_id,
        entries=entries,
        vouching=vouching,
        journal=journal,
        reserved=reserved,
        switch=switch,
        clock=clock,
        now=now,
        jitter=jitter,
    )
    hosted.content.on_added(sidecars.check_stored)
    file_service.on_stored(sidecars.check_stored)
    file_service.on_stored(janitor.tidy_after)
    tokens = Tokens(catalogue=catalogue, now=now)
    cached = Cached(
        pages=pages,
        files=file_service,
        stored_files=files,
        sidecars=sidecars,
        listings=listings,
        chain=chain,
        journal=journal,
        catalogue=catalogue,
        tokens=tokens,
    )
    return Parts(
        given=Given(
            config=config,
            upstreams={upstream.tier.name: upstream for upstream in upstreams},
            targets={target.tier.name: target for target in publish_targets},
            issuers=issuers,
            prefetch_edges=prefetch_edges,
            watch=watch,
            clock=clock,
            now=now,
            pool=pool,
        ),
        stats=stats,
        switch=switch,
        chain=chain,
        entries=entries,
        pages=pages,
        files=file_service,
        listings=listings,
        sidecars=sidecars,
        janitor=janitor,
        reserved=reserved,
        hosted=hosted,
        deleted=deleted,
        journal=journal,
        following=following,
        about=About(
            name=config.node.name,
            id=node_id,
            version=__version__,
            chain=chain,
            catalogue=catalogue,
            journal=journal,
            reserved=reserved.announced,
            heard=following.heard,
            now=now,
        ),
        newest_sidecars=NewestSidecars(catalogue=catalogue),
        stored_files=files,
        catalogue=catalogue,
        usage=usage,
        tokens=tokens,
        cached=cached,
        read_ahead=read_ahead_of(config.prefetch, cached, switch=switch, clock=clock, pool=pool, stats=stats),
        at_hand=AtHand(
            catalogue=catalogue,
            files=files,
            entries=entries,
            hosted=hosted,
            showing=showing,
            judging=judging,
            listings=listings,
            withdrawn=withdrawn,
            chain=chain,
            switch=switch,
            rules=config.freshness,
            stats=stats,
            usage=usage,
            knowledge=knowledge,
            now=now,
        ),
        knowledge=knowledge,
    )
