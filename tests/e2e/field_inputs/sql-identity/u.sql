--
-- PostgreSQL database dump
--
SET standard_conforming_strings = on;
CREATE TABLE public.users (
    id integer NOT NULL,
    email character varying(99),
    phone text
);
INSERT INTO public.users OVERRIDING SYSTEM VALUE VALUES (1, 'ali@example.com', '0123456781');
INSERT INTO public.users (id, email, phone) OVERRIDING USER VALUE VALUES (2, 'ben@example.com', NULL), (3, 'O''cat@example.com', '0123456783');
