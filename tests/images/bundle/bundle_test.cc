// Goal: what comes out of a bundle is what its signer packed, byte for byte, or nothing comes out. Method: pack, sign
// and unpack over files in memory; change each part in turn; cut the power at each step; change the archive between two
// looks.
#include "images/bundle/bundle.h"

#include <gtest/gtest.h>

#include "images/keys/statement.h"
#include "tests/fakes/memory_files.h"

namespace images::bundle {
namespace {

using tests::fakes::MemoryFiles;

// Keeps what it is given.
class Kept final : public Sink {
 public:
  Done begin(const Entry& entry) override {
    entries.push_back(entry);
    contents[entry.path];
    return {};
  }
  Done write(std::string_view piece) override {
    EXPECT_LE(piece.size(), 1U << 20);
    contents[entries.back().path] += piece;
    return {};
  }
  Done end(const Entry& entry) override {
    ended.push_back(entry.path);
    return {};
  }
  std::vector<Entry> entries;
  std::map<std::string, std::string> contents;
  std::vector<std::string> ended;
};

// Changes an archive after so many reads of it.
class ChangingFiles final : public files::Files {
 public:
  ChangingFiles(MemoryFiles& below, std::string path) : below_(below), path_(std::move(path)) {}
  std::uint64_t reads = 0;
  std::uint64_t change_after = UINT64_MAX;

  Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::size_t length) override {
    if (path == path_ && reads++ == change_after) below_.flip_bit(path_, *below_.size(path_) / 2);
    return below_.read_range(path, offset, length);
  }
  Result<std::string> read(const std::string& path, Bytes limit) override { return below_.read(path, limit); }
  Done replace(const std::string& path, std::string_view bytes, files::Access access) override {
    return below_.replace(path, bytes, access);
  }
  Done append(const std::string& path, std::string_view bytes, files::Access access) override {
    return below_.append(path, bytes, access);
  }
  Done sync(const std::string& path) override { return below_.sync(path); }
  Done truncate(const std::string& path, std::uint64_t size) override { return below_.truncate(path, size); }
  Done rename(const std::string& from, const std::string& to) override { return below_.rename(from, to); }
  Done remove(const std::string& path) override { return below_.remove(path); }
  Done make_directory(const std::string& path, files::Access access) override {
    return below_.make_directory(path, access);
  }
  Result<bool> exists(const std::string& path) override { return below_.exists(path); }
  Result<std::uint64_t> size(const std::string& path) override { return below_.size(path); }
  Result<std::vector<std::string>> list(const std::string& directory) override { return below_.list(directory); }

 private:
  MemoryFiles& below_;
  std::string path_;
};

std::string noise(std::size_t size) {
  Random random(size);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

class Bundle : public ::testing::Test {
 protected:
  void SetUp() override {
    put(files_, "/build/agent", agent_);
    put(files_, "/build/unit", "[Unit]\n");
    put(files_, "/build/empty", "");
  }
  static void put(MemoryFiles& files, const std::string& path, const std::string& bytes) {
    ASSERT_TRUE(files.make_directory(path.substr(0, path.rfind('/')), files::Access::Everyone));
    ASSERT_TRUE(files.replace(path, bytes, files::Access::Everyone));
  }
  [[nodiscard]] static PackOrder order() {
    return {"leaseback-agent",
            "1.4.0",
            "amd64",
            {{EntryKind::File, "/usr/lib/systemd/system/agent.service", 0644, "/build/unit", ""},
             {EntryKind::Link, "/etc/systemd/system/multi-user.target.wants/agent.service", 0, "",
              "/usr/lib/systemd/system/agent.service"},
             {EntryKind::File, "/usr/lib/leaseback/leaseback-agent", 0755, "/build/agent", ""},
             {EntryKind::File, long_path(), 0600, "/build/empty", ""},
             {EntryKind::Directory, "/var/lib/leaseback", 0700, "", ""}}};
  }
  [[nodiscard]] static std::string long_path() {
    return "/usr/lib/" + std::string(100, 'a') + "/" + std::string(100, 'b') + "/cccccccccc";
  }
  [[nodiscard]] static std::string bytes_of(MemoryFiles& files, const std::string& path) {
    return *files.read(path, gibibytes(1));
  }
  void pack_and_sign() {
    const Result<Manifest> packed = pack(files_, order(), path_);
    ASSERT_TRUE(packed) << packed.error().text();
    const Done done = sign(files_, path_, key_);
    ASSERT_TRUE(done) << done.error().text();
  }
  [[nodiscard]] ErrorCode code_of_unpacking(MemoryFiles& files) {
    Kept kept;
    const Result<VerifiedBundle> unpacked = unpack(files, path_, trusted_, kept);
    EXPECT_TRUE(kept.entries.empty()) << "nothing may be given out of what is refused";
    EXPECT_FALSE(unpacked);
    return unpacked ? ErrorCode::Conflict : unpacked.error().code;
  }

  const std::string agent_ = noise(1'300'000);
  const std::string path_ = "/agent.bundle";
  const keys::PrivateKey key_ = *keys::PrivateKey::generate(keys::KeyKind::SigningKey);
  const std::vector<keys::PublicKey> trusted_ = {key_.public_key()};
  MemoryFiles files_;
};

TEST_F(Bundle, GivesOutWhatWasPacked) {
  pack_and_sign();
  Kept kept;
  const Result<VerifiedBundle> unpacked = unpack(files_, path_, trusted_, kept);
  ASSERT_TRUE(unpacked) << unpacked.error().text();
  EXPECT_EQ(unpacked->signer, key_.id());
  EXPECT_EQ(unpacked->manifest.version, "1.4.0");
  EXPECT_EQ(unpacked->archive_sha256, keys::sha256(bytes_of(files_, path_)));
  EXPECT_EQ(kept.entries, unpacked->manifest.entries);
  EXPECT_EQ(kept.ended.size(), 5U);
  EXPECT_EQ(kept.contents["/usr/lib/leaseback/leaseback-agent"], agent_);
  EXPECT_EQ(kept.contents["/usr/lib/systemd/system/agent.service"], "[Unit]\n");
  EXPECT_EQ(kept.contents[long_path()], "");
  EXPECT_EQ(kept.entries[0].path, "/etc/systemd/system/multi-user.target.wants/agent.service");
  EXPECT_EQ(*inspect(files_, path_), unpacked->manifest);
  EXPECT_TRUE(verify(files_, path_, trusted_));
}

TEST_F(Bundle, IsTheSameBytesForTheSameInputsInAnyOrder) {
  ASSERT_TRUE(pack(files_, order(), "/one.bundle"));
  PackOrder other = order();
  std::reverse(other.sources.begin(), other.sources.end());
  ASSERT_TRUE(pack(files_, other, "/two.bundle"));
  EXPECT_EQ(bytes_of(files_, "/one.bundle"), bytes_of(files_, "/two.bundle"));
  put(files_, "/build/unit", "[Unit]\n#");
  ASSERT_TRUE(pack(files_, order(), "/three.bundle"));
  EXPECT_NE(bytes_of(files_, "/one.bundle"), bytes_of(files_, "/three.bundle"));
}

TEST_F(Bundle, RefusesUnsignedForeignAndTamperedSignatures) {
  ASSERT_TRUE(pack(files_, order(), path_));
  EXPECT_EQ(code_of_unpacking(files_), ErrorCode::NotFound);
  ASSERT_TRUE(sign(files_, path_, *keys::PrivateKey::generate(keys::KeyKind::SigningKey)));
  EXPECT_EQ(code_of_unpacking(files_), ErrorCode::Unauthenticated);
  ASSERT_TRUE(files_.replace(path_ + ".sig", "{}", files::Access::Everyone));
  EXPECT_EQ(code_of_unpacking(files_), ErrorCode::InvalidInput);
  ASSERT_TRUE(files_.remove(path_ + ".sig"));
  ASSERT_TRUE(sign(files_, path_, key_));
  EXPECT_TRUE(verify(files_, path_, trusted_));
  EXPECT_FALSE(verify(files_, path_, {})) << "trusting nobody accepts nothing";
}

TEST_F(Bundle, RefusesEachChangedByte) {
  pack_and_sign();
  const std::string archive = bytes_of(files_, path_);
  for (std::size_t at = 0; at < archive.size(); at += 1 + archive.size() / 40) {
    MemoryFiles files;
    std::string changed = archive;
    changed[at] ^= 4;
    put(files, path_, changed);
    put(files, path_ + ".sig", bytes_of(files_, path_ + ".sig"));
    EXPECT_EQ(code_of_unpacking(files), ErrorCode::Corrupt) << at;
  }
  const std::string envelope = bytes_of(files_, path_ + ".sig");
  for (std::size_t at = 0; at < envelope.size(); ++at) {
    std::string changed = envelope;
    changed[at] ^= 1;
    put(files_, path_ + ".sig", changed);
    // A key id is only a hint, and its name may break: then every trusted key is tried.
    const Result<keys::Statement> read = keys::parse_statement(changed);
    const bool only_the_hint_is_lost = read && read->signatures[0].key.empty();
    EXPECT_EQ(verify(files_, path_, trusted_).has_value(), only_the_hint_is_lost)
        << "byte " << at << " of the signature";
  }
}

TEST_F(Bundle, RefusesShortenedAndLengthenedArchives) {
  pack_and_sign();
  const std::string archive = bytes_of(files_, path_);
  for (const std::string& changed :
       {archive.substr(0, archive.size() - 1), archive + "x", std::string(), archive + archive}) {
    put(files_, path_, changed);
    EXPECT_EQ(code_of_unpacking(files_), ErrorCode::Corrupt) << changed.size();
    EXPECT_EQ(inspect(files_, path_).error().code, ErrorCode::InvalidInput) << changed.size();
  }
}

TEST_F(Bundle, RefusesASignatureOfAnotherBundle) {
  pack_and_sign();
  const std::string signature = bytes_of(files_, path_ + ".sig");
  PackOrder next = order();
  next.version = "1.5.0";
  ASSERT_TRUE(pack(files_, next, path_));
  put(files_, path_ + ".sig", signature);
  EXPECT_EQ(code_of_unpacking(files_), ErrorCode::Corrupt);
}

TEST_F(Bundle, TellsWhenTheArchiveChangesBetweenCheckingAndUnpacking) {
  pack_and_sign();
  ChangingFiles counting(files_, path_);
  ASSERT_TRUE(verify(counting, path_, trusted_));
  ChangingFiles changing(files_, path_);
  changing.change_after = counting.reads + 2;
  Kept kept;
  const Result<VerifiedBundle> unpacked = unpack(changing, path_, trusted_, kept);
  ASSERT_FALSE(unpacked);
  EXPECT_FALSE(kept.entries.empty()) << "the change came too early for this test";
  EXPECT_EQ(std::count(kept.ended.begin(), kept.ended.end(), "/usr/lib/leaseback/leaseback-agent"), 0);
}

TEST_F(Bundle, StopsWhenTheSinkSaysSo) {
  pack_and_sign();
  class Full final : public Sink {
   public:
    Done begin(const Entry&) override { return {}; }
    Done write(std::string_view) override { return Error{ErrorCode::OutOfSpace, "the disk is full", {}}; }
    Done end(const Entry&) override { return {}; }
  } full;
  EXPECT_EQ(unpack(files_, path_, trusted_, full).error().code, ErrorCode::OutOfSpace);
}

TEST_F(Bundle, CarriesSeveralSignatures) {
  pack_and_sign();
  const keys::PrivateKey second = *keys::PrivateKey::generate(keys::KeyKind::SigningKey);
  ASSERT_TRUE(sign(files_, path_, second));
  ASSERT_TRUE(sign(files_, path_, second)) << "signing twice changes nothing";
  EXPECT_EQ(signers_named(files_, path_)->size(), 2U);
  EXPECT_TRUE(verify(files_, path_, trusted_));
  const std::vector<keys::PublicKey> only_second = {second.public_key()};
  EXPECT_EQ(verify(files_, path_, only_second)->signer, second.id());
  PackOrder next = order();
  next.version = "1.5.0";
  ASSERT_TRUE(pack(files_, next, path_));
  EXPECT_EQ(sign(files_, path_, second).error().code, ErrorCode::Conflict) << "the old signature speaks of other bytes";
}

TEST_F(Bundle, LeavesTheOldArchiveOrTheNewOneWhereverPackingIsCut) {
  PackOrder next = order();
  next.version = "1.5.0";
  ASSERT_TRUE(pack(files_, order(), path_));
  const std::string old_bytes = bytes_of(files_, path_);
  ASSERT_TRUE(pack(files_, next, "/new"));
  const std::string new_bytes = bytes_of(files_, "/new");
  bool finished = false;
  for (std::uint64_t cut = 1; !finished; ++cut) {
    MemoryFiles files(cut);
    put(files, "/build/agent", agent_);
    put(files, "/build/unit", "[Unit]\n");
    put(files, "/build/empty", "");
    put(files, path_, old_bytes);
    files.cut_at(cut);
    finished = pack(files, next, path_).has_value();
    EXPECT_NE(finished, files.is_off());
    files.power_on();
    const std::string left = bytes_of(files, path_);
    EXPECT_TRUE(left == old_bytes || left == new_bytes) << "cut at call " << cut;
    ASSERT_TRUE(pack(files, next, path_)) << "packing again after the cut";
    EXPECT_EQ(bytes_of(files, path_), new_bytes);
    EXPECT_FALSE(*files.exists(path_ + ".unfinished"));
    ASSERT_LT(cut, 100U);
  }
}

TEST_F(Bundle, LeavesNothingBehindWhenTheDiskIsFull) {
  files_.limit_space(files_.used() + kibibytes(500));
  EXPECT_EQ(pack(files_, order(), path_).error().code, ErrorCode::OutOfSpace);
  EXPECT_EQ(*files_.list("/"), std::vector<std::string>{"build"});
}

TEST_F(Bundle, IsNotPackedFromWhatIsMissingOrUnlawful) {
  PackOrder bad = order();
  bad.sources[0].content = "/build/absent";
  EXPECT_EQ(pack(files_, bad, path_).error().code, ErrorCode::NotFound);
  bad = order();
  bad.sources[0].path = "/usr/../../etc/shadow";
  EXPECT_EQ(pack(files_, bad, path_).error().code, ErrorCode::InvalidInput);
  bad = order();
  bad.sources.push_back(bad.sources[0]);
  EXPECT_EQ(pack(files_, bad, path_).error().code, ErrorCode::InvalidInput);
  EXPECT_FALSE(*files_.exists(path_));
}

TEST_F(Bundle, IsNotSignedWhenItIsNone) {
  put(files_, path_, "not a bundle");
  EXPECT_EQ(sign(files_, path_, key_).error().code, ErrorCode::InvalidInput);
  EXPECT_FALSE(*files_.exists(path_ + ".sig"));
}

}  // namespace
}  // namespace images::bundle
