CREATE TABLE users (id int, email varchar(99), phone varchar(20));
INSERT INTO users VALUES ROW(1,'ali@example.com','0123456781'), ROW(2,'ben@example.com','0123456782');
INSERT INTO users SET id = 3, email = 'cat@example.com', phone='0123456783';
INSERT INTO users (id, email, phone) SELECT 4, 'dee@example.com', '0123456784' UNION ALL SELECT 5, 'eve@example.com', NULL;
