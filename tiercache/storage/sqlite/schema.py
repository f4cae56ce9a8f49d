"""What makes the tables of a new catalogue.

Made of `tiercache.storage.tables` by `python -m tiercache.storage.core`: change that.
"""

# ruff: noqa: E501  # a line each, as SQLite keeps them

SCHEMA = (
    'CREATE TABLE acts (\n\tnumber BIGINT NOT NULL, \n\tat DOUBLE NOT NULL, \n\twhat TEXT NOT NULL, \n\tproject TEXT NOT NULL, \n\tfilename TEXT NOT NULL, \n\t"by" TEXT NOT NULL, \n\tdetail TEXT NOT NULL, \n\tPRIMARY KEY (number)\n)\n WITHOUT ROWID\n\n',
    "CREATE INDEX acts_by_project ON acts (project, number)",
    "CREATE TABLE attachments (\n\talgorithm TEXT NOT NULL, \n\tvalue TEXT NOT NULL, \n\tkind TEXT NOT NULL, \n\tproject TEXT NOT NULL, \n\tsha256 TEXT NOT NULL, \n\tmade BOOLEAN NOT NULL, \n\tcoding TEXT, \n\tdata BLOB, \n\tPRIMARY KEY (algorithm, value, kind)\n)\n\n",
    "CREATE INDEX attachments_by_project ON attachments (project, kind)",
    "CREATE TABLE bodies (\n\tproject TEXT NOT NULL, \n\tcoding TEXT NOT NULL, \n\tdata BLOB NOT NULL, \n\tPRIMARY KEY (project)\n)\n\n",
    "CREATE TABLE changes (\n\tserial BIGINT NOT NULL, \n\tproject TEXT NOT NULL, \n\twhat TEXT NOT NULL, \n\tat DOUBLE NOT NULL, \n\torigin TEXT NOT NULL, \n\tPRIMARY KEY (serial)\n)\n WITHOUT ROWID\n\n",
    "CREATE TABLE deleted (\n\tproject TEXT NOT NULL, \n\tfilename TEXT NOT NULL, \n\tsha256 TEXT NOT NULL, \n\tat DOUBLE NOT NULL, \n\tis_kept BOOLEAN NOT NULL, \n\tlisting BLOB NOT NULL, \n\tPRIMARY KEY (project, filename)\n)\n WITHOUT ROWID\n\n",
    "CREATE INDEX deleted_by_time ON deleted (is_kept, at)",
    "CREATE TABLE dropped (\n\tpath TEXT NOT NULL, \n\tsize_bytes BIGINT NOT NULL, \n\tmtime_ns BIGINT NOT NULL, \n\tinode TEXT NOT NULL, \n\tproject TEXT NOT NULL, \n\tfilename TEXT NOT NULL, \n\tsha256 TEXT NOT NULL, \n\tis_ours BOOLEAN NOT NULL, \n\tis_gone BOOLEAN NOT NULL, \n\tPRIMARY KEY (path)\n)\n WITHOUT ROWID\n\n",
    "CREATE TABLE entries (\n\tproject TEXT NOT NULL, \n\thead BLOB NOT NULL, \n\tPRIMARY KEY (project)\n)\n WITHOUT ROWID\n\n",
    "CREATE TABLE files (\n\tsha256 TEXT NOT NULL, \n\tproject TEXT NOT NULL, \n\tfilename TEXT NOT NULL, \n\tsize_bytes BIGINT NOT NULL, \n\ttier TEXT NOT NULL, \n\tstored_at DOUBLE NOT NULL, \n\tused_at DOUBLE NOT NULL, \n\tlisting BLOB NOT NULL, \n\tPRIMARY KEY (sha256)\n)\n\n",
    "CREATE INDEX files_by_project ON files (project, filename)",
    "CREATE INDEX files_by_use ON files (used_at, sha256)",
    "CREATE TABLE hosted (\n\tproject TEXT NOT NULL, \n\tcoding TEXT NOT NULL, \n\tdata BLOB NOT NULL, \n\tPRIMARY KEY (project)\n)\n\n",
    "CREATE TABLE identities (\n\talgorithm TEXT NOT NULL, \n\tvalue TEXT NOT NULL, \n\tsha256 TEXT NOT NULL, \n\tposition INTEGER NOT NULL, \n\tPRIMARY KEY (algorithm, value)\n)\n WITHOUT ROWID\n\n",
    "CREATE INDEX identities_by_file ON identities (sha256, position)",
    "CREATE TABLE kept_jobs (\n\tid TEXT NOT NULL, \n\tcreated_at DOUBLE NOT NULL, \n\tcoding TEXT NOT NULL, \n\tdata BLOB NOT NULL, \n\tPRIMARY KEY (id)\n)\n\n",
    "CREATE TABLE odd_files (\n\talgorithm TEXT NOT NULL, \n\tvalue TEXT NOT NULL, \n\tproject TEXT NOT NULL, \n\tPRIMARY KEY (algorithm, value)\n)\n WITHOUT ROWID\n\n",
    "CREATE INDEX odd_files_by_project ON odd_files (project)",
    "CREATE TABLE pins (\n\tproject TEXT NOT NULL, \n\tPRIMARY KEY (project)\n)\n WITHOUT ROWID\n\n",
    "CREATE TABLE position (\n\tepoch TEXT NOT NULL, \n\tserial BIGINT NOT NULL, \n\tPRIMARY KEY (epoch)\n)\n WITHOUT ROWID\n\n",
    "CREATE TABLE reservations (\n\ttier TEXT NOT NULL, \n\tepoch TEXT NOT NULL, \n\tnames BLOB NOT NULL, \n\tPRIMARY KEY (tier)\n)\n\n",
    "CREATE TABLE settings (\n\tname TEXT NOT NULL, \n\tvalue TEXT NOT NULL, \n\tPRIMARY KEY (name)\n)\n WITHOUT ROWID\n\n",
    "CREATE TABLE tokens (\n\tid TEXT NOT NULL, \n\tdigest TEXT NOT NULL, \n\tname TEXT NOT NULL, \n\towner TEXT NOT NULL, \n\tkind TEXT NOT NULL, \n\tmay BLOB NOT NULL, \n\tprojects BLOB NOT NULL, \n\tmade_at DOUBLE NOT NULL, \n\texpires_at DOUBLE, \n\tused_at DOUBLE, \n\tPRIMARY KEY (id)\n)\n WITHOUT ROWID\n\n",
    "CREATE UNIQUE INDEX tokens_by_digest ON tokens (digest)",
    "CREATE TABLE totals (\n\tname TEXT NOT NULL, \n\tbytes BIGINT NOT NULL, \n\tPRIMARY KEY (name)\n)\n WITHOUT ROWID\n\n",
    "CREATE TABLE uses (\n\tproject TEXT NOT NULL, \n\tused_at DOUBLE NOT NULL, \n\tPRIMARY KEY (project)\n)\n WITHOUT ROWID\n\n",
    "CREATE INDEX uses_by_time ON uses (used_at, project)",
)
