"""Invented people of many countries, and the encodings in which a dump of them may be written."""

# ruff: noqa: RUF001 - letters of other languages are what this is about

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple


class Written(NamedTuple):
    """A file, the language its names are in, and its encoding."""

    language: str
    encoding: str
    data: bytes

    @property
    def text(self) -> str:
        """What the bytes say."""
        return self.data.decode(self.encoding)


ENCODINGS: Mapping[str, tuple[str, ...]] = {
    "Russian": ("windows-1251", "koi8-r", "cp866", "iso-8859-5"),
    "Ukrainian": ("windows-1251",),
    "Arabic": ("windows-1256", "iso-8859-6"),
    "Thai": ("cp874", "tis-620"),
    "Chinese": ("gb18030", "gbk"),
    "Chinese, traditional": ("big5",),
    "Japanese": ("shift_jis", "euc-jp"),
    "Korean": ("euc-kr",),
    "French and German": ("windows-1252",),
    "Spanish and Portuguese": ("windows-1252",),
    "Polish": ("windows-1250", "iso-8859-2"),
    "Czech": ("windows-1250", "iso-8859-2"),
    "Hungarian": ("windows-1250", "iso-8859-2"),
    "Greek": ("windows-1253", "iso-8859-7"),
    "Turkish": ("windows-1254",),
    "Hebrew": ("windows-1255",),
}
NAMES: Mapping[str, Sequence[tuple[str, str]]] = {
    "Russian": (
        ("Фёдоров Илья Борисович", "г. Тверь, ул. Садовая, д. 4, кв. 17"),
        ("Белякова Жанна", "Екатеринбург, проспект Мира 30"),
        ("Цветков Юрий Эдуардович", "Самара, Московское шоссе"),
        ("Щербакова Ольга", "пос. Хвойный"),
        ("Гусев Михаил", "Ярославль"),
    ),
    "Ukrainian": (
        ("Ткаченко Євген Іванович", "м. Львів, вул. Зелена, буд. 8"),
        ("Їжак Марія", "Чернівці, вул. Головна"),
        ("Бойко Андрій", "Харків, проспект Науки"),
        ("Гнатюк Олексій", "Дніпро"),
    ),
    "Arabic": (
        ("خالد بن سعيد", "الدوحة، شارع الكورنيش"),
        ("مريم إبراهيم حسين", "عمّان، جبل الحسين"),
        ("طارق يوسف", "الإسكندرية، سيدي جابر"),
        ("ليلى منصور", "دبي، ديرة"),
    ),
    "Thai": (
        ("ประเสริฐ วงศ์สวัสดิ์", "ถนนพหลโยธิน เขตจตุจักร"),
        ("นภา จันทร์เพ็ญ", "จังหวัดขอนแก่น"),
        ("กิตติ บุญมา", "หาดใหญ่ สงขลา"),
        ("อรุณี พรหมดี", "นนทบุรี"),
    ),
    "Chinese": (
        ("刘建国", "成都市武侯区人民南路四段"),
        ("赵晓梅", "杭州市西湖区文三路90号"),
        ("孙丽", "武汉市洪山区珞喻路"),
        ("周明", "重庆市渝中区解放碑"),
    ),
    "Chinese, traditional": (
        ("林淑芬", "臺中市西屯區文心路"),
        ("黃國華", "臺南市東區大學路1號"),
        ("吳美玲", "桃園市中壢區中山東路"),
        ("蔡宗翰", "新竹市光復路"),
    ),
    "Japanese": (
        ("高橋健", "名古屋市中区栄3丁目"),
        ("伊藤美咲", "福岡市博多区博多駅前"),
        ("わたなべ ゆうこ", "札幌市中央区北一条西"),
        ("コバヤシ サトシ", "京都市左京区"),
    ),
    "Korean": (
        ("최지훈", "인천광역시 남동구 구월동"),
        ("정수빈", "광주광역시 서구 치평동"),
        ("강하늘", "제주특별자치도 제주시"),
        ("윤서연", "대구 수성구"),
    ),
    "French and German": (
        ("Hélène Gérard", "3 allée des Érables, Orléans"),
        ("Jörg Schäfer", "Goethestraße 11, Düsseldorf"),
        ("Benoît Caçador", "Rue de l'Évêché, Nîmes"),
        ("Günther Weiß", "Am Mühlbach 2, Fürth"),
    ),
    "Spanish and Portuguese": (
        ("Íñigo Ibáñez", "Plaza de España 4, León"),
        ("João Conceição", "Avenida São João, Brasília"),
        ("Begoña Martínez", "Camino Viejo, Cádiz"),
        ("Antônio Guimarães", "Rua das Nações"),
    ),
    "Polish": (
        ("Grażyna Kościuszko", "ul. Świętokrzyska 9, Poznań"),
        ("Zdzisław Gołąb", "Gdańsk, ul. Mokra"),
        ("Łucja Więcek", "Częstochowa, aleja Wolności"),
        ("Krzysztof Żak", "Rzeszów"),
    ),
    "Czech": (
        ("Bořek Šťastný", "Ústí nad Labem, Hlavní třída"),
        ("Ludmila Říhová", "České Budějovice"),
        ("Matěj Kučera", "Liberec, Žitavská"),
        ("Anežka Vlčková", "Kroměříž, U Náhonu"),
    ),
    "Hungarian": (
        ("Kővári Dezső", "Győr, Árpád út 12"),
        ("Fülöp Ágota", "Hódmezővásárhely"),
        ("Erdős Zsófia", "Pécs, Kőris utca"),
        ("Szűcs Örs", "Székesfehérvár"),
    ),
    "Greek": (
        ("Κώστας Δημητρίου", "Πάτρα, οδός Κορίνθου 5"),
        ("Άννα Οικονόμου", "Ηράκλειο, λεωφόρος Κνωσού"),
        ("Νίκος Βασιλείου", "Λάρισα"),
        ("Σοφία Αγγέλου", "Βόλος, Ιάσονος"),
    ),
    "Turkish": (
        ("İsmail Kılıç", "Beşiktaş, Barbaros Bulvarı"),
        ("Gülşen Yıldız", "Diyarbakır, Ofis Mahallesi"),
        ("Tuğçe Şahin", "Muğla, Fethiye"),
        ("Çağlar Ünlü", "Eskişehir"),
    ),
    "Hebrew": (
        ("יעקב פרידמן", "חיפה, שדרות הנשיא"),
        ("רחל אברהם", "באר שבע, רחוב הרצל"),
        ("נועם ביטון", "ראשון לציון"),
        ("תמר שפירא", "נתניה"),
    ),
}


def dump(language: str, encoding: str, rows: int, plain_share: float = 0.0, seed: int = 5) -> Written:
    """A CSV file of `rows` rows, of which a share has nothing in it but ASCII."""
    rng = random.Random(f"{language} {encoding} {rows} {seed}")
    lines = ["id,name,email,phone,address"]
    for row in range(rows):
        (name, _), (_, address) = rng.choice(NAMES[language]), rng.choice(NAMES[language])
        if row and rng.random() < plain_share:  # the first row is never without
            name, address = "AISYAH BINTI RAJ", "JALAN CONTOH 3"
        lines.append(f'{row},"{name}",orang{row}@example.com,+60123{row:06d},"{address}"')
    return Written(language, encoding, ("\r\n".join(lines) + "\r\n").encode(encoding))


def dumps(rows: int, plain_share: float = 0.0) -> Iterator[Written]:
    """A file of each language in each of its encodings."""
    for language, encodings in ENCODINGS.items():
        for encoding in encodings:
            yield dump(language, encoding, rows, plain_share)
