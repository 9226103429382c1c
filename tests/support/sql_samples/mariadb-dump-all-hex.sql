/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: 
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Current Database: `d`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `d` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci */;

USE `d`;

--
-- Table structure for table `other`
--

DROP TABLE IF EXISTS `other`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `other` (
  `x` text DEFAULT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `other`
--

LOCK TABLES `other` WRITE;
/*!40000 ALTER TABLE `other` DISABLE KEYS */;
INSERT INTO `other` (`x`) VALUES ('no;(');
/*!40000 ALTER TABLE `other` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `people`
--

DROP TABLE IF EXISTS `people`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `people` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `name` text DEFAULT NULL COMMENT 'it''s; a (name)',
  `email` varchar(255) DEFAULT 'x''y',
  `phone` varchar(30) DEFAULT NULL,
  `note` text DEFAULT NULL,
  `score` double DEFAULT NULL,
  `blob` blob DEFAULT NULL,
  `g` varchar(600) GENERATED ALWAYS AS (concat(`email`,`phone`)) STORED,
  `key` varchar(20) DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `key` (`phone`,`id`),
  KEY `k` (`email`),
  CONSTRAINT `chk` CHECK (`score` <> 7)
) ENGINE=InnoDB AUTO_INCREMENT=65 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci COMMENT='c;(';
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `people`
--

LOCK TABLES `people` WRITE;
/*!40000 ALTER TABLE `people` DISABLE KEYS */;
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (1,'plain','p0@example.com','+60120000000',NULL,NULL,NULL,'p0@example.com+60120000000',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (2,'O\'Neil','p1@example.com','+60120000001','lieN\'O',1.5,0xA5,'p1@example.com+60120000001',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (3,'it\'\'s','p2@example.com','+60120000002','s\'\'ti',-2.25,0x4DCA,'p2@example.com+60120000002',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (4,'back\\slash','p3@example.com','+60120000003',NULL,1e30,0x182530,'p3@example.com+60120000003',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (5,'end\\','p4@example.com','+60120000004','\\dne',-1e-20,NULL,'p4@example.com+60120000004',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (6,'\\','p5@example.com','+60120000005','\\',NULL,0xBB1D6D132C,'p5@example.com+60120000005',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (7,'\'','p6@example.com','+60120000006',NULL,1.5,0xDED6237B2ED9,'p6@example.com+60120000006',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (8,'\'\'','p7@example.com','+60120000007','\'\'',-2.25,'','p7@example.com+60120000007',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (9,'\\\'','p8@example.com','+60120000008','\'\\',1e30,NULL,'p8@example.com+60120000008',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (10,'\');--','p9@example.com','+60120000009',NULL,-1e-20,0x1E3F,'p9@example.com+60120000009',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (11,'),(','p10@example.com','+60120000010','(,)',NULL,0x721FCB,'p10@example.com+60120000010',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (12,'a;b','p11@example.com','+60120000011','b;a',1.5,0x19711744,'p11@example.com+60120000011',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (13,'a;\nb','p12@example.com','+60120000012',NULL,-2.25,NULL,'p12@example.com+60120000012',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (14,'line\nbreak','p13@example.com','+60120000013','kaerb\nenil',1e30,0x94D6493C9D5C,'p13@example.com+60120000013',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (15,'cr\rlf\r\n','p14@example.com','+60120000014','\n\rfl\rrc',-1e-20,'','p14@example.com+60120000014',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (16,'tab	here','p15@example.com','+60120000015',NULL,NULL,0x34,'p15@example.com+60120000015',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (17,'/* c */','p16@example.com','+60120000016','/* c */',1.5,NULL,'p16@example.com+60120000016',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (18,'-- c','p17@example.com','+60120000017','c --',-2.25,0x60BE31,'p17@example.com+60120000017',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (19,'# c','p18@example.com','+60120000018',NULL,1e30,0x201E69FE,'p18@example.com+60120000018',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (20,'`tick`','p19@example.com','+60120000019','`kcit`',-1e-20,0xDAA0EEE8B9,'p19@example.com+60120000019',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (21,'\"dq\"','p20@example.com','+60120000020','\"qd\"',NULL,NULL,'p20@example.com+60120000020',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (22,'[br]','p21@example.com','+60120000021',NULL,1.5,'','p21@example.com+60120000021',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (23,'$$','p22@example.com','+60120000022','$$',-2.25,0x99,'p22@example.com+60120000022',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (24,'$a$x$a$','p23@example.com','+60120000023','$a$x$a$',1e30,0x7F5C,'p23@example.com+60120000023',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (25,'NULL','p24@example.com','+60120000024',NULL,-1e-20,NULL,'p24@example.com+60120000024',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (26,'\\N','p25@example.com','+60120000025','N\\',NULL,0x7C2999FD,'p25@example.com+60120000025',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (27,'\\.','p26@example.com','+60120000026','.\\',1.5,0xAFE593253C,'p26@example.com+60120000026',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (28,'é漢字😀','p27@example.com','+60120000027',NULL,-2.25,0xD654AF4DFAD7,'p27@example.com+60120000027',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (29,'','p28@example.com','+60120000028','',1e30,NULL,'p28@example.com+60120000028',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (30,'  lead','p29@example.com','+60120000029','dael  ',-1e-20,0x14,'p29@example.com+60120000029',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (31,' trail ','p30@example.com','+60120000030',NULL,NULL,0x27A0,'p30@example.com+60120000030',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (32,'a,b','p31@example.com','+60120000031','b,a',1.5,0xAEB3FE,'p31@example.com+60120000031',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (33,'(1,\'x\')','p32@example.com','+60120000032',')\'x\',1(',-2.25,NULL,'p32@example.com+60120000032',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (34,'\Z','p33@example.com','+60120000033',NULL,1e30,0xE9232F8AF2,'p33@example.com+60120000033',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (35,'','p34@example.com','+60120000034','',-1e-20,0x211F9EE491C5,'p34@example.com+60120000034',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (36,'','p35@example.com','+60120000035','',NULL,'','p35@example.com+60120000035',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (37,'100%','p36@example.com','+60120000036',NULL,1.5,NULL,'p36@example.com+60120000036',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (38,'_x','p37@example.com','+60120000037','x_',-2.25,0xB10B,'p37@example.com+60120000037',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (39,'replace(','p38@example.com','+60120000038','(ecalper',1e30,0xECB556,'p38@example.com+60120000038',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (40,'char(10)','p39@example.com','+60120000039',NULL,-1e-20,0x3BFC1E6F,'p39@example.com+60120000039',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (41,'\\n','p40@example.com','+60120000040','n\\',NULL,NULL,'p40@example.com+60120000040',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (42,'\\u0041','p41@example.com','+60120000041','1400u\\',1.5,0x93427ECBC8FE,'p41@example.com+60120000041',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (43,'E\'x\'','p42@example.com','+60120000042',NULL,-2.25,'','p42@example.com+60120000042',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (44,'N\'x\'','p43@example.com','+60120000043','\'x\'N',1e30,0x29,'p43@example.com+60120000043',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (45,'INSERT INTO `people` VALUES (1,\'x\');\n','p44@example.com','+60120000044','\n;)\'x\',1( SEULAV `elpoep` OTNI TRESNI',-1e-20,NULL,'p44@example.com+60120000044',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (46,'\n-- PostgreSQL database dump\n','p45@example.com','+60120000045',NULL,NULL,0x55E5CD,'p45@example.com+60120000045',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (47,'GO\n','p46@example.com','+60120000046','\nOG',1.5,0x8E46DC8E,'p46@example.com+60120000046',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (48,'\n/\n','p47@example.com','+60120000047','\n/\n',-2.25,0xD4B7C2764D,'p47@example.com+60120000047',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (49,'','p48@example.com','+60120000048',NULL,1e30,NULL,'p48@example.com+60120000048',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (50,'Q\'[x]\'','p49@example.com','+60120000049','\']x[\'Q',-1e-20,'','p49@example.com+60120000049',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (51,'&amp;','p50@example.com','+60120000050',';pma&',NULL,0x2A,'p50@example.com+60120000050',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (52,'\",','p51@example.com','+60120000051','\",',NULL,NULL,'p51@example.com+60120000051',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (53,',aé\n;(a\"*-','p52@example.com','+60120000052',NULL,NULL,NULL,'p52@example.com+60120000052',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (54,')\"漢b#////','p53@example.com','+60120000053',NULL,NULL,NULL,'p53@example.com+60120000053',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (55,'é','p54@example.com','+60120000054','é',NULL,NULL,'p54@example.com+60120000054',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (56,'/b	\'	#\n\\)b','p55@example.com','+60120000055',NULL,NULL,NULL,'p55@example.com+60120000055',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (57,'a','p56@example.com','+60120000056',NULL,NULL,NULL,'p56@example.com+60120000056',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (58,'\"\\-a\'	/\";','p57@example.com','+60120000057','\"\\-a\'	/\";',NULL,NULL,'p57@example.com+60120000057',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (59,'-é\\\\é','p58@example.com','+60120000058',NULL,NULL,NULL,'p58@example.com+60120000058',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (60,'éé(\'\"\\)','p59@example.com','+60120000059',NULL,NULL,NULL,'p59@example.com+60120000059',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (61,';é\n漢a	漢-\"a漢','p60@example.com','+60120000060',';é\n漢a	漢-\"a漢',NULL,NULL,'p60@example.com+60120000060',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (62,'\';漢-','p61@example.com','+60120000061',NULL,NULL,NULL,'p61@example.com+60120000061',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (63,'-,','p62@example.com','+60120000062',NULL,NULL,NULL,'p62@example.com+60120000062',NULL);
INSERT INTO `people` (`id`, `name`, `email`, `phone`, `note`, `score`, `blob`, `g`, `key`) VALUES (64,'漢),	,/,	','p63@example.com','+60120000063','漢),	,/,	',NULL,NULL,'p63@example.com+60120000063',NULL);
/*!40000 ALTER TABLE `people` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
/*!50003 SET @saved_cs_results     = @@character_set_results */ ;
/*!50003 SET @saved_col_connection = @@collation_connection */ ;
/*!50003 SET character_set_client  = utf8mb4 */ ;
/*!50003 SET character_set_results = utf8mb4 */ ;
/*!50003 SET collation_connection  = utf8mb4_general_ci */ ;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 trigger tr before insert on people for each row begin if new.id < 0 then set new.note='x;'; end if; insert into other values('y'); end 
*/;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
/*!50003 SET character_set_client  = @saved_cs_client */ ;
/*!50003 SET character_set_results = @saved_cs_results */ ;
/*!50003 SET collation_connection  = @saved_col_connection */ ;

--
-- Temporary table structure for view `v`
--

DROP TABLE IF EXISTS `v`;
/*!50001 DROP VIEW IF EXISTS `v`*/;
SET @saved_cs_client     = @@character_set_client;
SET character_set_client = utf8mb4;
/*!50001 CREATE VIEW `v` AS SELECT
 NULL AS `id`,
 NULL AS `name`,
 NULL AS `email`,
 NULL AS `phone`,
 NULL AS `note`,
 NULL AS `score`,
 NULL AS `blob`,
 NULL AS `g`,
 NULL AS `key` */;
SET character_set_client = @saved_cs_client;

--
-- Current Database: `test`
--

CREATE DATABASE /*!32312 IF NOT EXISTS*/ `test` /*!40100 DEFAULT CHARACTER SET latin1 COLLATE latin1_swedish_ci */;

USE `test`;

--
-- Current Database: `d`
--

USE `d`;

--
-- Final view structure for view `v`
--

/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 SET @saved_cs_client          = @@character_set_client */;
/*!50001 SET @saved_cs_results         = @@character_set_results */;
/*!50001 SET @saved_col_connection     = @@collation_connection */;
/*!50001 SET character_set_client      = utf8mb4 */;
/*!50001 SET character_set_results     = utf8mb4 */;
/*!50001 SET collation_connection      = utf8mb4_general_ci */;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select `people`.`id` AS `id`,`people`.`name` AS `name`,`people`.`email` AS `email`,`people`.`phone` AS `phone`,`people`.`note` AS `note`,`people`.`score` AS `score`,`people`.`blob` AS `blob`,`people`.`g` AS `g`,`people`.`key` AS `key` from `people` */;
/*!50001 SET character_set_client      = @saved_cs_client */;
/*!50001 SET character_set_results     = @saved_cs_results */;
/*!50001 SET collation_connection      = @saved_col_connection */;

--
-- Current Database: `test`
--

USE `test`;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed on 2026-11-23 12:05:49
