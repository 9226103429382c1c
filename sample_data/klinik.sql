--
-- PostgreSQL database dump
--

SET standard_conforming_strings = on;

COPY public.log (id, "EMEL") FROM stdin;
1	bukan@contoh.example
\.

COPY public."pesakit" ("NAMA", "NO_KP", "NO_TEL", "EMEL", "ALAMAT", "KATA_LALUAN") FROM stdin;
கவிதா முருகன்	620826-15-4251	+44-7400459423	rene.contoh6180@googlemail.com	No. 270, Jalan Kenanga 7/15,\n10050 Pulau Pinang	rahsia-f94d:x
陈美玲	740318-71-9575	017-2405297	\N	No. 171, Jalan Melati 2/6,\n88000 Kota Kinabalu	rahsia-51fe;x
نورول	480818059667	+60 12-635 9718	khairul.contoh8622@gmail.com	No. 76, Jalan Mawar 9/12,\nTaman "Café Lama",\n30000 Ipoh	rahsia-ff7f|x
AHMAD KHAIRUL BINTI OTHMAN	660307-39-8886	\N	Ahmad.Contoh2033@Gmail.Com	No. 115, Jalan Cempaka 4/6,\n10050 Pulau Pinang	rahsia-0229\\x
陈美玲	980123220444	016-2494178	WONG.CONTOH8724@EXAMPLE.COM	\N	rahsia-dadd'x
احمد بن عبدالله	220407 27 6929	60132022000	Aminah.Contoh3365@Example.Com	No. 239, Jalan Mawar 7/23,\nTaman "Melati",\n88000 Kota Kinabalu	rahsia-e9d0,x
கவிதா முருகன்	720411 59 2589	016-205 2374	siti.contoh3336@gmail.com	No. 134, Jalan Mawar 7/11,\nTaman "Rasa Sayang",\n50480 Kuala Lumpur	rahsia-f2c9:x
SURESH A/L DEEPA	640226314828	01110308902	Suresh.Contoh8027@Example.Com	No. 203, Jalan Tun Contoh 5/2,\n10050 Pulau Pinang	rahsia-555f;x
林伟杰	831117-74-9292	012-6194630	<tan.contoh5538@example.com>	No. 143, Jalan Rasa Sayang 9/18,\nTaman "Café Lama",\n93000 Kuching	rahsia-1172|x
عائشة بنت رحمن	850101145678	0060123456789	mailto:aisyah@example.com	No. 88, Jalan Contoh 1/2,\nTaman "Contoh",\n50480 Kuala Lumpur	contoh-sahaja\\x
نورول	\N	+60132579050	\N	No. 145, Jalan Mawar 1/21,\nTaman "Tun Contoh",\n30000 Ipoh	rahsia-be92'x
SITI SITI BINTI KARIM	210301 53 1847	60162836409	siti.contoh80711@example.com	No. 15, Jalan Cempaka 7/25,\n80000 Johor Bahru	rahsia-3087,x
李佳豪	931013307311	+60 (0)12-669 2257	\N	No. 149, Jalan Kenanga 4/7,\n50480 Kuala Lumpur	rahsia-6f22:x
黄秀兰	040308227553	+60 (0)16-687 9568	ong.contoh80713+bank@gmail.com	\N	rahsia-175e;x
ராஜேஷ்	350504-27-4623	60136396551	zulkifli.contoh58614@surat.contoh.example	No. 90, Jalan Tun Contoh 7/17,\n80000 Johor Bahru	rahsia-069d|x
احمد بن عبدالله	5121978	0123830102	 khairul.contoh06415@pos.example 	No. 166, Jalan Melati 3/3,\n40000 Shah Alam	rahsia-9491\\x
KHAIRUL FARAH BIN HASSAN	160204-38-7557	+60 11-3711 3098	khairul.contoh64216@example.net	No. 58, Jalan Merdeka 2/24,\n80000 Johor Bahru	rahsia-9102'x
林伟杰	660319-35-5422	(019) 6834576	 khairul.contoh35317+bank@example.com 	No. 187, Jalan Melati 7/2,\n40000 Shah Alam	rahsia-c48d,x
ராஜேஷ்	500414298866	0126740785	Nurul.Contoh72818@Example.Org	No. 91, Jalan Tun Contoh 2/26,\n30000 Ipoh	rahsia-e80b:x
IZZATI AHMAD BIN ISMAIL	630702-58-5248	+60 12-670 4473	izzati.contoh72219+tol2u@gmail.com	\N	rahsia-d854;x
ராஜேஷ்	570406-02-7101	0132528119	\N	No. 25, Jalan Mawar 6/17,\nTaman "Kenanga",\n40000 Shah Alam	rahsia-c1ee|x
SITI KHAIRUL BIN ABDULLAH	 131121-42-7764 	+60162783412	SITI.CONTOH83521@EXAMPLE.NET	No. 163, Jalan Melati 1/7,\n10050 Pulau Pinang	rahsia-18cc\\x
NURUL SITI BINTI RAHMAN	680613220808	012-397 8632	nurul.contoh08222@googlemail.com	No. 256, Jalan Tun Contoh 2/22,\n93000 Kuching	rahsia-b672'x
HAFIZ KHAIRUL BINTI ISMAIL	520120288322	013-665 7047	Hafiz.Contoh17623@Example.Net	No. 142, Jalan Rasa Sayang 8/20,\nTaman "Mawar",\n25000 Kuantan	rahsia-26d4,x
கவிதா முருகன்	500219460346	0196634518	lim.contoh46724@example.com	No. 294, Jalan Mawar 4/2,\nTaman "Tun Contoh",\n88000 Kota Kinabalu	rahsia-bf75:x
AMINAH IZZATI BINTI KARIM	\N	 012 396 8946 	\N	No. 163, Jalan Melati 5/4,\n50480 Kuala Lumpur	rahsia-5225;x
ANJALI A/L PRIYA	920119038818	0122127825	Anjali.Contoh02226@Example.Com	No. 122, Jalan Merdeka 9/13,\n88000 Kota Kinabalu	rahsia-0bff|x
LIM KAH HOE	990906237286	0060176235517	Lim.Contoh73327@Gmail.Com	No. 118, Jalan Mawar 2/7,\nTaman "Café Lama",\n40000 Shah Alam	rahsia-2c0f\\x
نورول	201901-11-1373	nan	AHMAD.CONTOH13728@GMAIL.COM	No. 271, Jalan Tun Contoh 8/26,\n10050 Pulau Pinang	rahsia-0b30'x
LIM KAH HOE	930225399464	0060172209572	lim.contoh29929@example.net	No. 234, Jalan Mawar 2/28,\nTaman "Cempaka",\n80000 Johor Bahru	rahsia-c7d0,x
نورول	571113060607	(013) 6027420	chong.contoh47230@gmail.com	No. 2, Jalan Merdeka 7/29,\n93000 Kuching	rahsia-cb66:x
AMINAH ZULKIFLI BINTI ABDULLAH	530313468185	016-279 4491	aminah.contoh39631@googlemail.com	\N	rahsia-aa54;x
IZZATI NURUL BIN ABDULLAH	900722-37-1406	+60 (0)17-698 3496	izzati.contoh17432@gmail.com	No. 204, Jalan Rasa Sayang 4/14,\nTaman "Mawar",\n88000 Kota Kinabalu	rahsia-aca6|x
李佳豪	 171105-67-1702 	+60166223015	zulkifli.contoh25733@example.com	No. 53, Jalan Café Lama 8/18,\n50480 Kuala Lumpur	rahsia-837b\\x
IZZATI AHMAD BINTI KARIM	780612545112	+60122928381	\N	No. 171, Jalan Merdeka 8/9,\n10050 Pulau Pinang	rahsia-ec32'x
احمد بن عبدالله	570716 74 1297	0060123623173	hafiz.contoh93735+tol2u@gmail.com	No. 225, Jalan Tun Contoh 9/18,\n10050 Pulau Pinang	rahsia-a03e,x
احمد بن عبدالله	 831001-53-0347 	60123856723	\N	No. 144, Jalan Mawar 5/28,\nTaman "Merdeka",\n25000 Kuantan	rahsia-3be8:x
CHONG KAH HOE	400809619125	(012) 6551960	<chong.contoh03237@example.com>	No. 64, Jalan Melati 7/9,\n88000 Kota Kinabalu	rahsia-8fce;x
李佳豪	331119027534	 017 278 8564 	farah.contoh40938@gmail.com	No. 147, Jalan Tun Contoh 7/5,\n25000 Kuantan	rahsia-7a58|x
KHAIRUL AHMAD BIN SALLEH	600216355827	+60 12-391 9447	<khairul.contoh99839@example.com>	No. 176, Jalan Rasa Sayang 6/21,\nTaman "Kenanga",\n10050 Pulau Pinang	rahsia-4a31\\x
\.

--
-- PostgreSQL database dump complete
--
