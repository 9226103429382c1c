"""Regions of phone numbers: parse cells of the manifest's `region_column`, and split columns by region.

A cell names a region by its ISO 3166-1 code of two or three letters, or by its calling code: `MY`, `mys`, `60`,
`+60`, `0060`. For a shared calling code the library's main region is used, which makes no difference for a number
valid in any of them. Anything else is no reliable region: numbers without a `+` in such a row are rejected.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc

from ingest_cli.identifiers import spreadsheet
from ingest_cli.identifiers.interface import Canonicalized, Identifier, IndexArray
from ingest_cli.identifiers.phone import NO_REGION
from ingest_cli.identifiers.two_speed import merged
from ingest_cli.identifiers.wrapping import unwrapped
from ingest_cli.model.arrow_bytes import encoded

if TYPE_CHECKING:
    from collections.abc import Mapping

# ISO 3166-1, officially assigned codes of 2025: three letters, then two.
_ISO_CODES = (
    "ABWAW AFGAF AGOAO AIAAI ALAAX ALBAL ANDAD AREAE ARGAR ARMAM ASMAS ATAAQ ATFTF ATGAG AUSAU AUTAT "
    "AZEAZ BDIBI BELBE BENBJ BESBQ BFABF BGDBD BGRBG BHRBH BHSBS BIHBA BLMBL BLRBY BLZBZ BMUBM BOLBO "
    "BRABR BRBBB BRNBN BTNBT BVTBV BWABW CAFCF CANCA CCKCC CHECH CHLCL CHNCN CIVCI CMRCM CODCD COGCG "
    "COKCK COLCO COMKM CPVCV CRICR CUBCU CUWCW CXRCX CYMKY CYPCY CZECZ DEUDE DJIDJ DMADM DNKDK DOMDO "
    "DZADZ ECUEC EGYEG ERIER ESHEH ESPES ESTEE ETHET FINFI FJIFJ FLKFK FRAFR FROFO FSMFM GABGA GBRGB "
    "GEOGE GGYGG GHAGH GIBGI GINGN GLPGP GMBGM GNBGW GNQGQ GRCGR GRDGD GRLGL GTMGT GUFGF GUMGU GUYGY "
    "HKGHK HMDHM HNDHN HRVHR HTIHT HUNHU IDNID IMNIM INDIN IOTIO IRLIE IRNIR IRQIQ ISLIS ISRIL ITAIT "
    "JAMJM JEYJE JORJO JPNJP KAZKZ KENKE KGZKG KHMKH KIRKI KNAKN KORKR KWTKW LAOLA LBNLB LBRLR LBYLY "
    "LCALC LIELI LKALK LSOLS LTULT LUXLU LVALV MACMO MAFMF MARMA MCOMC MDAMD MDGMG MDVMV MEXMX MHLMH "
    "MKDMK MLIML MLTMT MMRMM MNEME MNGMN MNPMP MOZMZ MRTMR MSRMS MTQMQ MUSMU MWIMW MYSMY MYTYT NAMNA "
    "NCLNC NERNE NFKNF NGANG NICNI NIUNU NLDNL NORNO NPLNP NRUNR NZLNZ OMNOM PAKPK PANPA PCNPN PERPE "
    "PHLPH PLWPW PNGPG POLPL PRIPR PRKKP PRTPT PRYPY PSEPS PYFPF QATQA REURE ROURO RUSRU RWARW SAUSA "
    "SDNSD SENSN SGPSG SGSGS SHNSH SJMSJ SLBSB SLESL SLVSV SMRSM SOMSO SPMPM SRBRS SSDSS STPST SURSR "
    "SVKSK SVNSI SWESE SWZSZ SXMSX SYCSC SYRSY TCATC TCDTD TGOTG THATH TJKTJ TKLTK TKMTM TLSTL TONTO "
    "TTOTT TUNTN TURTR TUVTV TWNTW TZATZ UGAUG UKRUA UMIUM URYUY USAUS UZBUZ VATVA VCTVC VENVE VGBVG "
    "VIRVI VNMVN VUTVU WLFWF WSMWS YEMYE ZAFZA ZMBZM ZWEZW "
)
_BY_THREE_LETTERS: Mapping[str, str] = MappingProxyType({pair[:3]: pair[3:] for pair in _ISO_CODES.split()})
_RESERVED: Mapping[str, str] = MappingProxyType({"UK": "GB"})
"""Exceptional ISO 3166-1 reservations for countries that have another code."""

_CALLING_CODE = re.compile(r"\(?(?:\+|00)?\s*([1-9][0-9]{0,2})\)?")


def region_of(text: str) -> str:
    """Return the region that a cell names, as the library calls it; `NO_REGION` if it names none."""
    restored = spreadsheet.restore(text) or ""
    if found := _CALLING_CODE.fullmatch(restored):
        region = phonenumbers.region_code_for_country_code(int(found[1]))
    else:
        name = restored.strip().upper()
        region = _RESERVED.get(name) or _BY_THREE_LETTERS.get(name, name)
    return region if region in phonenumbers.SUPPORTED_REGIONS else NO_REGION


def canonicalized_by_region(
    identifier: Identifier, cells: pa.StringArray, regions: pa.StringArray, default: str
) -> Canonicalized:
    """Convert `cells` to canonical form, each with the region of its row.

    Args:
        identifier: identifier kind.
        cells: length n.
        regions: length n: region cells of the dump; null if empty.
        default: region of rows with an empty region cell.
    """
    which, names = encoded(_one_each(regions))
    resolved = [region_of(name) if name else default for name in names.to_pylist()]
    distinct = sorted(set(resolved))
    code = np.array([distinct.index(region) for region in resolved], np.int64)[which]
    if len(distinct) <= 1:
        return identifier.canonicalize(cells, distinct[0] if distinct else default)
    parts = []
    for number in range(len(distinct)):
        at: IndexArray = np.flatnonzero(code == number).astype(np.int32)
        parts.append((identifier.canonicalize(cells.take(pa.array(at)), distinct[number]), at))
    return merged(parts)


def _one_each(regions: pa.StringArray) -> pa.StringArray:
    """Return the unwrapped value of each cell; a cell with several values is no region."""
    plain = unwrapped(regions, keeps_broken=True)
    named = plain.cells.fill_null("")
    if plain.cell is None:
        return named
    _, first, count = np.unique(plain.cell, return_index=True, return_counts=True)
    return pc.if_else(pa.array(count == 1), named.take(pa.array(first)), NO_REGION)
