"""What a VOTable says beside its rows: parameters, groups of columns, and services that take values of its columns."""

from __future__ import annotations

from dataclasses import dataclass

from vo.tables.field import Field
from vo.tables.markup import xml_attributes, xml_text


@dataclass(frozen=True, slots=True)
class Param:
    """A PARAM element: a value that holds for the whole table, or an input of a service.

    Attributes
    ----------
    field
        What the value is.
    value
        As TABLEDATA writes it; empty for an input without a default.
    ref
        ID of the column that gives the value, for inputs of services.
    minimum, maximum
        Limits of an input, as text; None where there is none.
    options
        Values that an input may take; empty for any.

    References
    ----------
    VOTable 1.4, "FIELD and PARAM Elements"; DataLink 1.1, "Service Descriptors".
    """

    field: Field
    value: str = ""
    ref: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Columns that belong together.

    Attributes
    ----------
    name, utype
        Attributes of the GROUP element.
    refs
        IDs of the columns.
    """

    name: str
    utype: str
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceDescriptor:
    """A service that a reader of the table can call.

    Attributes
    ----------
    access_url
        Where it is.
    standard_id
        Standard that it follows, None for a service of its own kind.
    inputs
        Its parameters.
    name
        ``this`` for the service that gave the table.
    description
        One sentence for people.
    xml_id
        ID by which rows of the table refer to it; None where none does.
    content_type
        Media type of its answers.
    is_this
        Whether it is the service that gave the table, said in the manner of DataLink 1.1.

    References
    ----------
    DataLink 1.1, "Service Descriptors" and "Service self-description".
    """

    access_url: str
    standard_id: str | None
    inputs: tuple[Param, ...]
    name: str | None = None
    description: str | None = None
    xml_id: str | None = None
    content_type: str | None = None
    is_this: bool = False


@dataclass(frozen=True, slots=True)
class Annotations:
    """Everything beside the rows of one table.

    Attributes
    ----------
    inputs
        Parameters of the request, which stand in front of the table.
    table_utype
        Utype of the table.
    params
        Values that hold for all rows.
    groups
        Groups of columns.
    services
        Services, each described in a resource of its own after the table.
    """

    inputs: tuple[Param, ...] = ()
    table_utype: str | None = None
    params: tuple[Param, ...] = ()
    groups: tuple[Group, ...] = ()
    services: tuple[ServiceDescriptor, ...] = ()


def param_element(param: Param) -> str:
    """PARAM element."""
    field = param.field
    attributes = xml_attributes(
        {
            "ID": field.xml_id,
            "name": field.name,
            "datatype": field.datatype,
            "arraysize": field.arraysize,
            "xtype": field.xtype,
            "unit": field.unit,
            "ucd": field.ucd,
            "utype": field.utype,
            "ref": param.ref,
            "value": param.value,
        }
    )
    content = f"<DESCRIPTION>{xml_text(field.description)}</DESCRIPTION>" if field.description else ""
    content += _values(param)
    return f"<PARAM{attributes}>{content}</PARAM>\n" if content else f"<PARAM{attributes}/>\n"


def group_element(group: Group) -> str:
    """GROUP element that refers to columns."""
    refs = "".join(f"<FIELDref{xml_attributes({'ref': ref})}/>" for ref in group.refs)
    return f"<GROUP{xml_attributes({'name': group.name, 'utype': group.utype})}>{refs}</GROUP>\n"


def service_resource(service: ServiceDescriptor) -> str:
    """RESOURCE element that describes a service."""
    facts = [Param(Field("accessURL", "char", "*"), service.access_url)]
    if service.standard_id is not None:
        facts.insert(0, Param(Field("standardID", "char", "*"), service.standard_id))
    if service.content_type is not None:
        facts.append(Param(Field("contentType", "char", "*"), service.content_type))
    utype = "adhoc:this" if service.is_this else "adhoc:service"
    head = xml_attributes({"type": "meta", "ID": service.xml_id, "utype": utype, "name": service.name})
    description = f"<DESCRIPTION>{xml_text(service.description)}</DESCRIPTION>\n" if service.description else ""
    inputs = "".join(map(param_element, service.inputs))
    return (
        f"<RESOURCE{head}>\n{description}{''.join(map(param_element, facts))}"
        f'<GROUP name="inputParams">\n{inputs}</GROUP>\n</RESOURCE>\n'
    )


def _values(param: Param) -> str:
    inner = "".join(
        f"<{tag}{xml_attributes({'value': value})}/>"
        for tag, value in (
            ("MIN", param.minimum),
            ("MAX", param.maximum),
            *(("OPTION", each) for each in param.options),
        )
        if value is not None
    )
    return f"<VALUES>{inner}</VALUES>" if inner else ""
