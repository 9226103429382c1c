"""Words in column names: in English and Malay, and the commonest in some other languages.

Data classes are named as by Have I Been Pwned (API v3, "All data classes in the system").
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """Meaning of a name: a kind of identifier, a data class, or a secret; at most one of them."""

    kind: str | None = None
    exposes: str | None = None
    secret: bool = False


MEANINGS: tuple[tuple[Meaning, str, str], ...] = (
    (
        Meaning(secret=True),
        (
            "PASSWORD PASSWD PASSWRD PWD PSWD KATALALUAN KATALALUANHASH HASH SALT SECRET TOKEN APIKEY "
            "PIN CVV CVC OTP 密码 密碼 PASSWORT CONTRASENA SENHA MOTDEPASSE ПАРОЛЬ パスワード 비밀번호 "
            "PW PSW PASSW MDP KENNWORT WACHTWOORD HASLO HASŁO LOSENORD SALASANA JELSZO HESLO SIFRE ŞIFRE MATKHAU "
            "BCRYPT SHA"
        ),
        (
            "PASS LALUAN SANDI KATASANDI PASSHASH PASSCODE PASSPHRASE PWDHASH SECURITYANSWER PASSWORDHINT PINNO "
            "PWHASH USERPW CLAVE PAROLA CLEARTEXT PLAINTEXT"
        ),
    ),
    (
        Meaning(kind="email"),
        "EMAIL EMEL COURRIEL 邮箱 电子邮件 電郵 電子郵件 信箱 メール メールアドレス 이메일",
        "MAIL MEL CORREO CORREOELECTRONICO ПОЧТА EMAILADDRESS EMAILADDR EMAILID ALAMATEMEL ALAMATEMAIL MAILADDRESS",
    ),
    (Meaning(kind="imei"), "IMEI IMEISV", "IMEINO"),
    (Meaning(kind="imsi"), "IMSI", ""),
    (Meaning(kind="iccid"), "ICCID", "SIM SIMNO SIMCARD SIMNUMBER SIMSERIAL SIMCARDNO SIMCARDNUMBER NOSIM"),
    (
        Meaning(kind="id"),
        (
            "IC ICNO ICNUM NRIC MYKAD MYKID MYPR NOKP KP KADPENGENALAN PENGENALAN PASSPORT PASPORT IDENTITY SSN "
            "NIK KTP CPF DNI AADHAAR 身份证 身份證 ПАСПОРТ"
        ),
        (
            "ICNUMBER ICPASSPORT OLDIC NEWIC NOIC NOKPBARU NOKPLAMA IDENTITYCARD IDENTITYNO "
            "IDENTIFICATION NATIONALID IDNO IDNUM IDNUMBER OTHERID BRN ROC "
            "KADPENGENALANBARU POLICEID ARMYID 身份证号 护照"
        ),
    ),
    (
        Meaning(kind="phone"),
        (
            "MSISDN MOBILE PHONE TELEPHONE TEL TELNO TELEFON HP HANDPHONE FON CELL CELLPHONE MOBILENO PHONENO "
            "TELEFONO TELEFONE CELULAR HANDY 电话 手机 電話 手機 電話番号 ТЕЛЕФОН 전화번호"
        ),
        (
            "CONTACT CONTACTNO CONTACTNUMBER NOTEL NOHP NOTELEFON BIMBIT TELBIMBIT TELEFONBIMBIT "
            "WHATSAPP FAX FAKS 手机号"
        ),
    ),
    (
        Meaning(kind="username"),
        "USERNAME NAMAPENGGUNA BENUTZERNAME USUARIO 用户名 ЛОГИН",
        (
            "USER LOGIN LOGINNAME LOGINID USERLOGIN USERID NICKNAME NICK SCREENNAME HANDLE "
            "ACCOUNTNAME IDPENGGUNA UID UNAME"
        ),
    ),
    (
        Meaning(exposes="Dates of birth"),
        "DOB BIRTHDATE BIRTHDAY LAHIR TARIKHLAHIR BIRTH GEBURTSDATUM FECHANACIMIENTO 生日 生年月日",
        "DATEOFBIRTH TKHLAHIR TGLLAHIR BDAY YEAROFBIRTH",
    ),
    (Meaning(exposes="Genders"), "GENDER JANTINA SEX 性别", ""),
    (Meaning(exposes="IP addresses"), "IPADDRESS IPADDR IPV", "IP IPLOGIN LASTIP REGIP SIGNUPIP CLIENTIP LOGINIP"),
    (
        Meaning(exposes="Physical addresses"),
        "ADDRESS ADDR ALAMAT POSTCODE POSKOD POSTALCODE ZIPCODE ZIP ADRESSE DIRECCION ENDERECO 地址 住所 АДРЕС",
        "POSTAL STREET PINCODE ADD ADD1 ADD2 ADD3 BANDAR CITY TOWN",
    ),
    (
        Meaning(exposes="Names"),
        (
            "NAME NAMA FIRSTNAME LASTNAME FULLNAME SURNAME FNAME LNAME GIVENNAME "
            "NOMBRE APELLIDO PRENOM VORNAME NACHNAME 姓名 氏名 ИМЯ ФАМИЛИЯ"
        ),
        ("NAMAPENUH FORENAME MIDDLENAME CUSTNAME CUSTOMERNAME CLIENTNAME NAMAPELANGGAN CONTACTNAME CONTACTPERSON"),
    ),
    (Meaning(exposes="Ages"), "", "AGE UMUR"),
    (Meaning(exposes="Races"), "RACE BANGSA KAUM", ""),
    (Meaning(exposes="Religions"), "RELIGION AGAMA", ""),
    (Meaning(exposes="Nationalities"), "NATIONALITY WARGANEGARA KEWARGANEGARAAN CITIZENSHIP", ""),
    (Meaning(exposes="Marital statuses"), "MARITAL", "MARITALSTATUS STATUSPERKAHWINAN TARAFPERKAHWINAN"),
    (Meaning(exposes="Salutations"), "SALUTATION GELARAN", "TITLE"),
    (Meaning(exposes="Job titles"), "OCCUPATION PEKERJAAN JAWATAN DESIGNATION", "JOBTITLE POSITION"),
    (Meaning(exposes="Employers"), "EMPLOYER MAJIKAN", "COMPANY COMPANYNAME SYARIKAT NAMASYARIKAT"),
    (Meaning(exposes="Bank account numbers"), "", "BANKACCOUNT BANKACCOUNTNO NOAKAUN NOAKAUNBANK IBAN BANKACC"),
    (Meaning(exposes="Credit cards"), "CREDITCARD CARDNUMBER CARDNO", "CCNUMBER KADKREDIT CCNO"),
)
"""Meaning, words that imply it anywhere in a name, words that imply it only as the whole name.

More specific meanings come first: an "e-mail address" is no postal address.
"""

FILLERS = (
    "NUMBER NOMBOR NUM NBR NOS NO CUSTOMER CUST PELANGGAN PENGGUNA SUBSCRIBER SUBS SUB USER CLIENT "
    "MEMBER AHLI PERSON OWNER PRIMARY SECONDARY HOME RUMAH HOUSE OFFICE PEJABAT WORK PERSONAL OTHER "
    "ALT NEW OLD BARU LAMA FULL CURRENT VALUE BILLING CORRESPONDENCE REGISTERED"
)
"""Words that add nothing to the word beside them; longer ones before those they contain."""

ABOUT = (
    "TYPE JENIS STATUS MODEL BRAND FLAG VERIFIED DATE TARIKH CODE KOD COUNT PLAN OPERATOR DOMAIN "
    "PROVIDER COUNTRY LENGTH EXPIRY EXPIRED ISSUED UPDATED CREATED TIME AT FILE BANK PRODUCT PACKAGE "
    "DEALER BRANCH TABLE COLUMN HOST SHOP STORE PLACE EVENT GROUP CATEGORY LAST COMPANY SYARIKAT"
)
"""Words that reverse a meaning: the *type* of an ID is no ID, the *name* of a plan is no person's name."""

GENERIC = (
    "ID NO NUM SEQ ROW INDEX BIL STATE NEGERI NEGARA REGION DAERAH ACCOUNT ACCT ACC AKAUN REMARK "
    "REMARKS CATATAN NOTE NOTES COMMENT ACTIVE ACTIVATION AMOUNT JUMLAH PRICE TOTAL BALANCE BAKI YEAR "
    "MONTH DAY TAHUN BULAN HARI LANGUAGE DEALER SOURCE SEGMENT SERVICE CHANNEL DESCRIPTION KETERANGAN "
    "LEVEL SCORE URL WEBSITE DEVICE NETWORK TELCO LOCATION LATITUDE LONGITUDE LAT LNG LON DEPARTMENT "
    "JABATAN SCHOOL SEKOLAH UNIVERSITY COURSE FACULTY SUBSCRIPTION PAYMENT ORDER INVOICE REFERENCE "
    "REF KEY ROLE IS HAS FIRST MIDDLE LINE STATUSCODE EXTRA MISC"
)
"""Words in the names of irrelevant columns."""

SECOND = "OTHER OTHERS LAIN OLD LAMA PASSPORT PASPORT POLICE POLIS ARMY TENTERA"
"""Words for the IDs of people without a new identity card."""
