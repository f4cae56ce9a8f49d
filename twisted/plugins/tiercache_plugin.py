"""What makes `twistd tiercache` known to twistd."""

from twisted.application.service import ServiceMaker

tiercache = ServiceMaker(
    "tiercache",
    "tiercache.tap",
    "A cache for Python packages that forms chains.",
    "tiercache",
)
