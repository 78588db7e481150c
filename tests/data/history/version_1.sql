BEGIN TRANSACTION;
CREATE TABLE conversations (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    model TEXT NOT NULL,
    system TEXT,
    created REAL NOT NULL,
    updated REAL NOT NULL
);
INSERT INTO "conversations" VALUES('gaga-papa','Rice; "cooked"','/models/a.gguf','Be brief.',1760000000.0,1760000028.0);
INSERT INTO "conversations" VALUES('vipa-mofi','first','/models/b.gguf',NULL,1760000035.0,1760000056.0);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    reasoning TEXT NOT NULL,
    state TEXT NOT NULL,
    model TEXT,
    created REAL NOT NULL
);
INSERT INTO "messages" VALUES(1,'gaga-papa','user','你好，怎么煮米饭？','','complete',NULL,1760000007.0);
INSERT INTO "messages" VALUES(2,'gaga-papa','assistant','加水，煮二十分钟。','很简单。','complete','a',1760000014.0);
INSERT INTO "messages" VALUES(3,'gaga-papa','user','And in English?','','complete',NULL,1760000021.0);
INSERT INTO "messages" VALUES(4,'gaga-papa','assistant','Add water, cook for twenty minutes.','','stopped','a',1760000028.0);
INSERT INTO "messages" VALUES(5,'vipa-mofi','user','first','','complete',NULL,1760000042.0);
INSERT INTO "messages" VALUES(6,'vipa-mofi','user','second, after no answer','','complete',NULL,1760000049.0);
INSERT INTO "messages" VALUES(7,'vipa-mofi','assistant','cut','','cut off','b',1760000056.0);
CREATE INDEX messages_of_conversation ON messages (conversation, id);
CREATE INDEX conversations_by_time ON conversations (updated);
COMMIT;
PRAGMA user_version = 1;
