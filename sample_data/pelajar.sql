--
-- PostgreSQL database dump
--

SET standard_conforming_strings = on;

CREATE TABLE public.log (
    id integer NOT NULL,
    emel text
);
CREATE TABLE public."ahli" (
    id integer NOT NULL,
    "NAMA" character varying(255),
    "NO_KP" character varying(255),
    "NO_TEL" character varying(255),
    "EMEL" character varying(255),
    "ALAMAT" character varying(255),
    "KATA_LALUAN" character varying(255)
);

INSERT INTO public.log OVERRIDING SYSTEM VALUE VALUES
	(1, 'bukan@contoh.example'),
	(2, NULL);
INSERT INTO public."ahli" OVERRIDING SYSTEM VALUE VALUES
	(0, '李佳豪', 'A51384341', '(012) 3833341', 'goh.contoh2620+tol2u@gmail.com', 'No. 197, Jalan Café Lama 7/29,
88000 Kota Kinabalu', 'rahsia-87a0:x'),
	(1, 'கவிதா முருகன்', '081021-79-2545', '(017) 6896418', NULL, 'No. 70, Jalan Café Lama 3/30,
10050 Pulau Pinang', 'rahsia-e77d;x'),
	(2, '陈美玲', NULL, '017-6975150', NULL, 'No. 229, Jalan Tun Contoh 7/16,
50480 Kuala Lumpur', 'rahsia-632d|x'),
	(3, '陈美玲', NULL, ' 012 306 7345 ', 'mailto:priya.contoh7033@googlemail.com', 'No. 19, Jalan Café Lama 9/22,
30000 Ipoh', 'rahsia-e96e\x'),
	(4, '黄秀兰', '260112065315', '013-2666972', 'mohd.contoh6424@gmail.com', 'No. 11, Jalan Melati 8/1,
88000 Kota Kinabalu', 'rahsia-8d47''x'),
	(5, 'عائشة بنت رحمن', '850101145678', '(012) 3456789', ' aisyah@example.com ', 'No. 88, Jalan Contoh 1/2,
Taman "Contoh",
50480 Kuala Lumpur', 'contoh-sahaja,x'),
	(6, 'HAFIZ RENÉ BINTI AZIZ', '560524-31-6707', '+60162920517', 'hafiz.contoh7136@example.com', 'No. 20, Jalan Mawar 4/15,
Taman "Cempaka",
40000 Shah Alam', 'rahsia-e19d:x'),
	(7, 'نورول', '202203748119', '0060123941748', NULL, 'No. 187, Jalan Tun Contoh 2/2,
50480 Kuala Lumpur', 'rahsia-a732;x'),
	(8, 'PRIYA A/L KAVITHA', '280410255361', '+60 4-261 1199', ' priya.contoh7528@googlemail.com ', 'No. 269, Jalan Mawar 6/18,
Taman "Kenanga",
80000 Johor Bahru', 'rahsia-dc1a|x'),
	(9, 'AHMAD SITI BIN ABDULLAH', '640309350332', '+60136600648', 'ahmad.contoh7649@example.com', 'No. 263, Jalan Rasa Sayang 1/5,
Taman "Rasa Sayang",
50480 Kuala Lumpur', 'rahsia-3f5c\x'),
	(10, 'AHMAD IZZATI BIN ABDULLAH', '460823-27-8224', '+60 13-263 9200', 'ahmad.contoh34010@example.com', 'No. 76, Jalan Melati 6/6,
80000 Johor Bahru', 'rahsia-eab6''x'),
	(11, 'نورول', '870414 44 6456', '60136169929', 'SITI.CONTOH78611@POS.EXAMPLE', 'No. 152, Jalan Kenanga 2/10,
88000 Kota Kinabalu', 'rahsia-2dcb,x'),
	(12, '李佳豪', ' 380814-16-4237 ', '(016) 6099073', 'siti.contoh18612@example.org', NULL, 'rahsia-fe9a:x'),
	(13, 'ZULKIFLI SITI BIN D''CRUZ', '731116376415', '(013) 2282963', 'ZULKIFLI.CONTOH02713@EXAMPLE.NET', 'No. 238, Jalan Mawar 8/10,
Taman "Rasa Sayang",
80000 Johor Bahru', 'rahsia-0e73;x'),
	(14, 'نورول', ' 590601-38-4995 ', '0060192878056', 'Zulkifli.Contoh89414@Example.Com', NULL, 'rahsia-c74f|x'),
	(15, 'HAFIZ MOHD BIN HASSAN', ' 391027-67-0932 ', '6088224193', 'hafiz.contoh45715+x@example.org', NULL, 'rahsia-f5e3\x'),
	(16, '黄秀兰', '580713128398', ' 011 4548 8903 ', 'mailto:ng.contoh78616@pos.example', 'No. 266, Jalan Café Lama 3/14,
10050 Pulau Pinang', 'rahsia-6432''x'),
	(17, 'NG JUN KIT', '410625-31-5357', '0136666432', NULL, 'No. 167, Jalan Café Lama 8/28,
25000 Kuantan', 'rahsia-b080,x'),
	(18, '陈美玲', ' 240305-26-1117 ', '+66 812 758823', 'aminah.contoh68718@example.com', 'No. 39, Jalan Mawar 5/3,
Taman "Mawar",
93000 Kuching', 'rahsia-becc:x'),
	(19, 'கவிதா முருகன்', '120412337677', '(017) 6181972', 'deepa.contoh65819+promo@example.net', 'No. 223, Jalan Merdeka 9/11,
25000 Kuantan', 'rahsia-8844;x'),
	(20, 'RENÉ KHAIRUL BIN SALLEH', '261107553328', '\N', NULL, 'No. 13, Jalan Rasa Sayang 1/28,
Taman "Tun Contoh",
40000 Shah Alam', 'rahsia-18bd|x'),
	(21, 'ZULKIFLI KHAIRUL BIN YUSOF', '020107303958', '+60196366054', NULL, 'No. 109, Jalan Kenanga 4/3,
10050 Pulau Pinang', 'rahsia-a907\x'),
	(22, 'கவிதா முருகன்', '600819 05 8234', ' 019 630 7551 ', 'ahmad.contoh93322@example.net', 'No. 262, Jalan Café Lama 3/10,
88000 Kota Kinabalu', 'rahsia-e2cd''x'),
	(23, 'NURUL KHAIRUL BINTI RAHMAN', '590605507477', '07-2973182', 'nurul.contoh32323@gmail.com', 'No. 207, Jalan Tun Contoh 8/21,
88000 Kota Kinabalu', 'rahsia-c7cd,x'),
	(24, 'TAN MEI LING', '210221249201', ' 011 2946 1729 ', 'tan.contoh49124@gmail.com', 'No. 173, Jalan Kenanga 3/14,
93000 Kuching', 'rahsia-1cc9:x');
INSERT INTO public."ahli" OVERRIDING SYSTEM VALUE VALUES
	(0, 'KHAIRUL KHAIRUL BINTI KARIM', '840311412683', '+60122534540', ' khairul.contoh32125@example.org ', 'No. 182, Jalan Merdeka 7/18,
25000 Kuantan', 'rahsia-0fe4;x'),
	(1, 'احمد بن عبدالله', '870505568092', '60132604805', NULL, 'No. 4, Jalan Mawar 3/11,
Taman "Café Lama",
80000 Johor Bahru', 'rahsia-1d89|x'),
	(2, '李佳豪', '202302-19-7686', '+60 12-600 7197', NULL, 'No. 298, Jalan Rasa Sayang 7/6,
Taman "Mawar",
25000 Kuantan', 'rahsia-8562\x'),
	(3, 'ராஜேஷ்', '202302480959', ' 013 668 7480 ', 'nurul.contoh16628+bank@gmail.com', 'No. 279, Jalan Melati 2/5,
93000 Kuching', 'rahsia-260e''x'),
	(4, '陈美玲', '731206140949', '+60 19-268 3166', 'siti.contoh11729@example.net', 'No. 125, Jalan Kenanga 7/27,
88000 Kota Kinabalu', 'rahsia-ed68,x'),
	(5, 'HAFIZ IZZATI BINTI RAHMAN', '050107443004', '601112754870', '<hafiz.contoh33030+x@gmail.com>', NULL, 'rahsia-4e39:x'),
	(6, 'ராஜேஷ்', NULL, '+60 12-609 7245', 'NURUL.CONTOH29431@EXAMPLE.COM', 'No. 93, Jalan Café Lama 6/7,
88000 Kota Kinabalu', 'rahsia-e599;x'),
	(7, 'NG BOON HUAT', '421102394567', '016-643 6469', 'ng.contoh34932@example.com', 'No. 206, Jalan Cempaka 9/25,
30000 Ipoh', 'rahsia-42c5|x'),
	(8, 'نورول', '510123 57 5537', '+60 19-282 7475', 'mailto:ong.contoh82433@gmail.com', 'No. 38, Jalan Kenanga 3/26,
40000 Shah Alam', 'rahsia-bb7d\x'),
	(9, 'ZULKIFLI RENÉ BIN YUSOF', '931127-35-3785', '+60 16-671 4617', 'zulkifli.contoh17334@example.com', 'No. 103, Jalan Cempaka 7/19,
88000 Kota Kinabalu', 'rahsia-8aff''x'),
	(10, 'ANJALI A/L PRIYA', ' 250821-34-4006 ', 'NULL', 'anjali.contoh44835@example.org', 'No. 109, Jalan Merdeka 2/28,
50480 Kuala Lumpur', 'rahsia-5eaf,x'),
	(11, 'GOH BOON HUAT', '310615026941', '0060176233958', 'Goh.Contoh15436@Example.Net', 'No. 150, Jalan Café Lama 7/23,
88000 Kota Kinabalu', 'rahsia-4d09:x'),
	(12, 'AHMAD KHAIRUL BINTI ISMAIL', NULL, '+60126809620', NULL, 'No. 199, Jalan Kenanga 5/12,
50480 Kuala Lumpur', 'rahsia-7045;x'),
	(13, '李佳豪', '920926490752', '+60 (0)16-271 3884', 'wong.contoh14938@example.com', 'No. 198, Jalan Mawar 2/12,
Taman "Merdeka",
80000 Johor Bahru', 'rahsia-63f4|x'),
	(14, 'نورول', ' 480101-31-8797 ', '+60 19-632 4859', ' khairul.contoh27939@example.net ', NULL, 'rahsia-5f2d\x');

--
-- PostgreSQL database dump complete
--
