--
-- PostgreSQL database dump
--

\restrict ykjVaVgh4fJsIESRtAK8u4UBP6FGRXdldTv4kCAUyNjxnxJuN0x03IiRoVNJVxn

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = off;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET escape_string_warning = off;
SET row_security = off;

--
-- Name: f(); Type: FUNCTION; Schema: public; Owner: postgres
--

CREATE FUNCTION public.f() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ begin insert into people values (1,'x'); return new; end; $$;


ALTER FUNCTION public.f() OWNER TO postgres;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: other; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.other (
    x text
);


ALTER TABLE public.other OWNER TO postgres;

--
-- Name: people; Type: TABLE; Schema: public; Owner: postgres
--

CREATE TABLE public.people (
    id integer NOT NULL,
    name text,
    email character varying(255),
    phone text,
    note text,
    score double precision,
    blob bytea,
    "User Name" text DEFAULT 'a;('::text,
    g text GENERATED ALWAYS AS (email) STORED,
    CONSTRAINT people_name_check CHECK ((name <> ('),('::text || 'z'::text)))
);


ALTER TABLE public.people OWNER TO postgres;

--
-- Name: people_id_seq; Type: SEQUENCE; Schema: public; Owner: postgres
--

CREATE SEQUENCE public.people_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.people_id_seq OWNER TO postgres;

--
-- Name: people_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: postgres
--

ALTER SEQUENCE public.people_id_seq OWNED BY public.people.id;


--
-- Name: v; Type: VIEW; Schema: public; Owner: postgres
--

CREATE VIEW public.v AS
 SELECT people.name
   FROM public.people;


ALTER TABLE public.v OWNER TO postgres;

--
-- Name: people id; Type: DEFAULT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.people ALTER COLUMN id SET DEFAULT nextval('public.people_id_seq'::regclass);


--
-- Data for Name: other; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.other VALUES ('no;(');


--
-- Data for Name: people; Type: TABLE DATA; Schema: public; Owner: postgres
--

INSERT INTO public.people VALUES (1, 'plain', 'p0@example.com', '+60120000000', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (2, 'O''Neil', 'p1@example.com', '+60120000001', 'lieN''O', 1.5, '\\xa5', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (3, 'it''''s', 'p2@example.com', '+60120000002', 's''''ti', -2.25, '\\x4dca', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (4, 'back\\slash', 'p3@example.com', '+60120000003', NULL, 1e+30, '\\x182530', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (5, 'end\\', 'p4@example.com', '+60120000004', '\\dne', -1e-20, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (6, '\\', 'p5@example.com', '+60120000005', '\\', NULL, '\\xbb1d6d132c', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (7, '''', 'p6@example.com', '+60120000006', NULL, 1.5, '\\xded6237b2ed9', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (8, '''''', 'p7@example.com', '+60120000007', '''''', -2.25, '\\x', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (9, '\\''', 'p8@example.com', '+60120000008', '''\\', 1e+30, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (10, ''');--', 'p9@example.com', '+60120000009', NULL, -1e-20, '\\x1e3f', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (11, '),(', 'p10@example.com', '+60120000010', '(,)', NULL, '\\x721fcb', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (12, 'a;b', 'p11@example.com', '+60120000011', 'b;a', 1.5, '\\x19711744', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (13, 'a;
b', 'p12@example.com', '+60120000012', NULL, -2.25, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (14, 'line
break', 'p13@example.com', '+60120000013', 'kaerb
enil', 1e+30, '\\x94d6493c9d5c', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (15, 'crlf
', 'p14@example.com', '+60120000014', '
flrc', -1e-20, '\\x', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (16, 'tab	here', 'p15@example.com', '+60120000015', NULL, NULL, '\\x34', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (17, '/* c */', 'p16@example.com', '+60120000016', '/* c */', 1.5, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (18, '-- c', 'p17@example.com', '+60120000017', 'c --', -2.25, '\\x60be31', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (19, '# c', 'p18@example.com', '+60120000018', NULL, 1e+30, '\\x201e69fe', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (20, '`tick`', 'p19@example.com', '+60120000019', '`kcit`', -1e-20, '\\xdaa0eee8b9', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (21, '"dq"', 'p20@example.com', '+60120000020', '"qd"', NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (22, '[br]', 'p21@example.com', '+60120000021', NULL, 1.5, '\\x', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (23, '$$', 'p22@example.com', '+60120000022', '$$', -2.25, '\\x99', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (24, '$a$x$a$', 'p23@example.com', '+60120000023', '$a$x$a$', 1e+30, '\\x7f5c', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (25, 'NULL', 'p24@example.com', '+60120000024', NULL, -1e-20, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (26, '\\N', 'p25@example.com', '+60120000025', 'N\\', NULL, '\\x7c2999fd', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (27, '\\.', 'p26@example.com', '+60120000026', '.\\', 1.5, '\\xafe593253c', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (28, 'é漢字😀', 'p27@example.com', '+60120000027', NULL, -2.25, '\\xd654af4dfad7', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (29, '', 'p28@example.com', '+60120000028', '', 1e+30, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (30, '  lead', 'p29@example.com', '+60120000029', 'dael  ', -1e-20, '\\x14', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (31, ' trail ', 'p30@example.com', '+60120000030', NULL, NULL, '\\x27a0', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (32, 'a,b', 'p31@example.com', '+60120000031', 'b,a', 1.5, '\\xaeb3fe', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (33, '(1,''x'')', 'p32@example.com', '+60120000032', ')''x'',1(', -2.25, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (34, '', 'p33@example.com', '+60120000033', NULL, 1e+30, '\\xe9232f8af2', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (35, '', 'p34@example.com', '+60120000034', '', -1e-20, '\\x211f9ee491c5', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (36, '', 'p35@example.com', '+60120000035', '', NULL, '\\x', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (37, '100%', 'p36@example.com', '+60120000036', NULL, 1.5, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (38, '_x', 'p37@example.com', '+60120000037', 'x_', -2.25, '\\xb10b', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (39, 'replace(', 'p38@example.com', '+60120000038', '(ecalper', 1e+30, '\\xecb556', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (40, 'char(10)', 'p39@example.com', '+60120000039', NULL, -1e-20, '\\x3bfc1e6f', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (41, '\\n', 'p40@example.com', '+60120000040', 'n\\', NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (42, '\\u0041', 'p41@example.com', '+60120000041', '1400u\\', 1.5, '\\x93427ecbc8fe', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (43, 'E''x''', 'p42@example.com', '+60120000042', NULL, -2.25, '\\x', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (44, 'N''x''', 'p43@example.com', '+60120000043', '''x''N', 1e+30, '\\x29', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (45, 'INSERT INTO `people` VALUES (1,''x'');
', 'p44@example.com', '+60120000044', '
;)''x'',1( SEULAV `elpoep` OTNI TRESNI', -1e-20, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (46, '
-- PostgreSQL database dump
', 'p45@example.com', '+60120000045', NULL, NULL, '\\x55e5cd', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (47, 'GO
', 'p46@example.com', '+60120000046', '
OG', 1.5, '\\x8e46dc8e', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (48, '
/
', 'p47@example.com', '+60120000047', '
/
', -2.25, '\\xd4b7c2764d', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (49, '', 'p48@example.com', '+60120000048', NULL, 1e+30, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (50, 'Q''[x]''', 'p49@example.com', '+60120000049', ''']x[''Q', -1e-20, '\\x', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (51, '&amp;', 'p50@example.com', '+60120000050', ';pma&', NULL, '\\x2a', 'a;(', DEFAULT);
INSERT INTO public.people VALUES (52, '",', 'p51@example.com', '+60120000051', '",', NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (53, ',aé
;(a"*-', 'p52@example.com', '+60120000052', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (54, ')"漢b#////', 'p53@example.com', '+60120000053', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (55, 'é', 'p54@example.com', '+60120000054', 'é', NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (56, '/b	''	#
\\)b', 'p55@example.com', '+60120000055', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (57, 'a', 'p56@example.com', '+60120000056', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (58, '"\\-a''	/";', 'p57@example.com', '+60120000057', '"\\-a''	/";', NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (59, '-é\\\\é', 'p58@example.com', '+60120000058', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (60, 'éé(''"\\)', 'p59@example.com', '+60120000059', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (61, ';é
漢a	漢-"a漢', 'p60@example.com', '+60120000060', ';é
漢a	漢-"a漢', NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (62, ''';漢-', 'p61@example.com', '+60120000061', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (63, '-,', 'p62@example.com', '+60120000062', NULL, NULL, NULL, 'a;(', DEFAULT);
INSERT INTO public.people VALUES (64, '漢),	,/,	', 'p63@example.com', '+60120000063', '漢),	,/,	', NULL, NULL, 'a;(', DEFAULT);


--
-- Name: people_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('public.people_id_seq', 1, false);


--
-- Name: people people_pkey; Type: CONSTRAINT; Schema: public; Owner: postgres
--

ALTER TABLE ONLY public.people
    ADD CONSTRAINT people_pkey PRIMARY KEY (id);


--
-- PostgreSQL database dump complete
--

\unrestrict ykjVaVgh4fJsIESRtAK8u4UBP6FGRXdldTv4kCAUyNjxnxJuN0x03IiRoVNJVxn

