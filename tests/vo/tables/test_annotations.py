"""What stands beside the rows of a VOTable, read by astropy."""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow as pa
from astropy.io.votable import parse

from vo.tables.annotations import Annotations, Group, Param, ServiceDescriptor
from vo.tables.field import Field
from vo.tables.stream import TableStream
from vo.tables.votable import write_votable

ID = Field("obs_publisher_did", "char", "*", ucd="meta.ref.ivoid", xml_id="did")


def test_parameters_groups_and_services_are_found_where_clients_look(check_xml: Callable[[bytes], None]) -> None:
    stream = TableStream((ID,), [pa.record_batch([pa.array(["ivo://a/b?c"])], names=["x"])])
    stream.annotations = Annotations(
        inputs=(Param(Field("INPUT:SIZE", "double", unit="deg"), "0.1", minimum="0", maximum="360"),),
        table_utype="spec:Spectrum",
        params=(Param(Field("note", "char", "*", description="a < b"), 'say "b" & c'),),
        groups=(Group("Curation", "ssa:Curation", ("did",)),),
        services=(
            ServiceDescriptor(
                "http://archive.example/links?a=1&b=2",
                "ivo://ivoa.net/std/DataLink#links-1.1",
                (Param(Field("ID", "char", "*"), ref="did"), Param(Field("K", "int"), options=("1", "2"))),
                description="Links.",
            ),
        ),
    )
    document = b"".join(write_votable(stream))
    check_xml(document)
    read = parse(io.BytesIO(document))
    results, service = read.resources
    assert [(each.name, each.value, each.values.max) for each in results.params] == [("INPUT:SIZE", 0.1, 360)]
    (table,) = results.tables
    assert table.utype == "spec:Spectrum"
    assert [each.value for each in table.params] == ['say "b" & c']
    assert table.groups[0].entries[0].get_ref().name == "obs_publisher_did"
    assert service.utype == "adhoc:service"
    assert {each.name: each.value for each in service.params}["accessURL"] == "http://archive.example/links?a=1&b=2"
    inputs = service.groups[0].entries
    assert [(each.name, each.ref) for each in inputs] == [("ID", "did"), ("K", None)]
