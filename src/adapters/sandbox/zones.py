"""Gives zoneinfo the zones of the IANA database, from memory: the interpreter has no files of them."""
import base64 as _base64
import io as _io
import json as _json
import zoneinfo as _zoneinfo
import zoneinfo._common as _zoneinfo_common


def _af_zones(path):
    with open(path) as file:
        zones = {name: _base64.b64decode(text) for name, text in _json.load(file).items()}

    def load_tzdata(key):
        if key not in zones:
            raise _zoneinfo.ZoneInfoNotFoundError('No time zone found with key %s' % key)
        return _io.BytesIO(zones[key])

    def available_timezones():
        return set(zones)

    _zoneinfo_common.load_tzdata = load_tzdata
    _zoneinfo.available_timezones = available_timezones


_af_zones('/tmp/zones.json')
