// Goal: an archive made to do harm is refused with a clear error before it costs memory, time or a file. Method:
// archives built by hand with libarchive and zstd, each breaking one rule; even a trusted signer cannot make them pass.
#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include "images/bundle/archive_reader.h"
#include "images/bundle/archive_writer.h"
#include "tests/fakes/memory_files.h"

namespace images::bundle {
namespace {

using tests::fakes::MemoryFiles;

struct Member {
  std::string name;
  std::string content;
  unsigned type = AE_IFREG;
  std::string target = {};
};

std::string tar_of(const std::vector<Member>& members) {
  std::string bytes;
  const auto write = [](archive*, void* client, const void* piece, std::size_t size) -> la_ssize_t {
    static_cast<std::string*>(client)->append(static_cast<const char*>(piece), size);
    return static_cast<la_ssize_t>(size);
  };
  archive* const tar = archive_write_new();
  archive_write_set_format_pax_restricted(tar);
  archive_write_open(tar, &bytes, nullptr, write, nullptr);
  for (const Member& member : members) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, member.name.c_str());
    archive_entry_set_filetype(entry, member.type);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, static_cast<la_int64_t>(member.content.size()));
    if (member.type == AE_IFLNK) archive_entry_set_symlink(entry, member.target.c_str());
    if (member.type == AE_IFREG && !member.target.empty()) archive_entry_set_hardlink(entry, member.target.c_str());
    EXPECT_EQ(archive_write_header(tar, entry), ARCHIVE_OK);
    archive_write_data(tar, member.content.data(), member.content.size());
    archive_entry_free(entry);
  }
  archive_write_close(tar);
  archive_write_free(tar);
  return bytes;
}

std::string compressed(const std::string& bytes, int window_log = 0, int level = 1) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  if (window_log != 0) {
    ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
    ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
    ZSTD_CCtx_setParameter(context, ZSTD_c_enableLongDistanceMatching, 1);
  }
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  ZSTD_outBuffer buffer{out.data(), out.size(), 0};
  // Streamed in two steps, so that the frame keeps the window that it was told.
  ZSTD_compressStream2(context, &buffer, &in, ZSTD_e_continue);
  EXPECT_EQ(ZSTD_compressStream2(context, &buffer, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  out.resize(buffer.pos);
  return out;
}

Entry file(const std::string& path, const std::string& content) {
  return {EntryKind::File, path, 0644, Bytes{content.size()}, keys::sha256(content), ""};
}

class HostileArchive : public ::testing::Test {
 protected:
  // Not even a valid signature helps: what the signed bytes say is checked, too.
  Error refused(const std::string& archive) {
    MemoryFiles files;
    static_cast<void>(files.replace("/b", archive, files::Access::Everyone));
    NoSink nowhere;
    const Result<ArchiveFacts> facts = read_archive(files, "/b", nowhere);
    EXPECT_FALSE(facts);
    return facts ? Error{} : facts.error();
  }
  [[nodiscard]] std::string manifest(std::vector<Entry> entries) const {
    return text_of(Manifest{"x", "1", "all", std::move(entries)});
  }
  const std::vector<Entry> two_ = {file("/a", "aaa"), file("/b", "bbb")};
};

TEST_F(HostileArchive, IsNotWhatThisTestTakesItFor) {
  MemoryFiles files;
  const std::string good =
      compressed(tar_of({{"manifest.json", manifest(two_)}, {"files/a", "aaa"}, {"files/b", "bbb"}}));
  ASSERT_TRUE(files.replace("/b", good, files::Access::Everyone));
  NoSink nowhere;
  const Result<ArchiveFacts> facts = read_archive(files, "/b", nowhere);
  EXPECT_TRUE(facts) << facts.error().text();
}

TEST_F(HostileArchive, WithOtherEntriesThanItsManifestIsRefused) {
  const std::string text = manifest(two_);
  const std::vector<std::vector<Member>> archives = {
      {},
      {{"files/a", "aaa"}},
      {{"manifest.json", text}},
      {{"manifest.json", text}, {"files/a", "aaa"}},
      {{"manifest.json", text}, {"files/b", "bbb"}, {"files/a", "aaa"}},
      {{"manifest.json", text}, {"files/a", "aaa"}, {"files/a", "aaa"}, {"files/b", "bbb"}},
      {{"manifest.json", text}, {"files/a", "aaa"}, {"files/b", "bbb"}, {"files/c", "ccc"}},
      {{"manifest.json", text}, {"files/../a", "aaa"}, {"files/b", "bbb"}},
      {{"manifest.json", text}, {"/files/a", "aaa"}, {"files/b", "bbb"}},
      {{"manifest.json", text}, {"files/a", "aaaa"}, {"files/b", "bbb"}},
      {{"manifest.json", text}, {"files/a", "aa"}, {"files/b", "bbb"}},
      {{"manifest.json", text}, {"files/a", "", AE_IFLNK, "/etc/passwd"}, {"files/b", "bbb"}},
      {{"manifest.json", text}, {"files/a", "", AE_IFREG, "manifest.json"}, {"files/b", "bbb"}},
      {{"manifest.json", text}, {"files/a", "", AE_IFDIR}, {"files/b", "bbb"}},
      {{"manifest.json", text}, {"files/a", "", AE_IFIFO}, {"files/b", "bbb"}},
      {{"manifest.json", "", AE_IFLNK, "/etc/passwd"}},
      {{"manifest.json", "{}"}},
  };
  for (std::size_t i = 0; i < archives.size(); ++i) {
    const Error error = refused(compressed(tar_of(archives[i])));
    EXPECT_EQ(error.code, ErrorCode::InvalidInput) << i << ": " << error.text();
  }
}

TEST_F(HostileArchive, WithAnotherContentIsCorrupt) {
  const Error error =
      refused(compressed(tar_of({{"manifest.json", manifest(two_)}, {"files/a", "aaa"}, {"files/b", "bbB"}})));
  EXPECT_EQ(error.code, ErrorCode::Corrupt);
  EXPECT_NE(error.text().find("'/b'"), std::string::npos) << error.text();
}

TEST_F(HostileArchive, CutAnywhereIsRefused) {
  const std::string good =
      compressed(tar_of({{"manifest.json", manifest(two_)}, {"files/a", "aaa"}, {"files/b", "bbb"}}));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(refused(good.substr(0, size)).code, ErrorCode::InvalidInput) << size;
  const std::string tar = tar_of({{"manifest.json", manifest(two_)}, {"files/a", "aaa"}, {"files/b", "bbb"}});
  for (const std::size_t size : {100U, 512U, 700U, 1536U, 1600U})
    EXPECT_EQ(refused(compressed(tar.substr(0, size))).code, ErrorCode::InvalidInput) << size;
}

TEST_F(HostileArchive, FollowedByAnythingIsRefused) {
  const std::string good =
      compressed(tar_of({{"manifest.json", manifest(two_)}, {"files/a", "aaa"}, {"files/b", "bbb"}}));
  EXPECT_EQ(refused(good + "x").code, ErrorCode::InvalidInput);
  EXPECT_EQ(refused(good + good).code, ErrorCode::InvalidInput) << "a second frame";
  const std::string tar = tar_of({{"manifest.json", manifest(two_)}, {"files/a", "aaa"}, {"files/b", "bbb"}});
  EXPECT_FALSE(refused(compressed(tar + std::string(8 << 20, '\0'))).message.empty()) << "megabytes after the end";
}

TEST_F(HostileArchive, ThatIsABombIsRefusedEarly) {
  const std::string text = manifest(two_);
  const std::string zeros(64 << 20, '\0');
  const std::string bare = compressed(zeros);
  ASSERT_LT(bare.size(), 20'000U);
  EXPECT_EQ(refused(bare).code, ErrorCode::InvalidInput);
  EXPECT_EQ(refused(compressed(tar_of({{"manifest.json", std::string(5 << 20, ' ')}}))).code, ErrorCode::LimitExceeded);
  EXPECT_EQ(refused(compressed(tar_of({{"manifest.json", text}, {"files/a", zeros}}))).code, ErrorCode::InvalidInput);
  EXPECT_EQ(refused(compressed(tar_of({{"bomb", zeros}, {"manifest.json", text}}))).code, ErrorCode::LimitExceeded);
  EXPECT_EQ(
      refused(compressed(tar_of({{"manifest.json", text}, {"files/a", "aaa"}, {"files/b", "bbb"}, {"bomb", zeros}})))
          .code,
      ErrorCode::InvalidInput);
  EXPECT_EQ(refused(compressed(tar_of({{"manifest.json", text}, {"files/a", "aaa"}, {"files/b", "bbb"}}) + zeros)).code,
            ErrorCode::InvalidInput);
}

TEST_F(HostileArchive, WithAHugeWindowIsRefused) {
  const std::string tar = tar_of({{"manifest.json", manifest(two_)}, {"files/a", "aaa"}, {"files/b", "bbb"}});
  const Error error = refused(compressed(tar, 27));
  EXPECT_EQ(error.code, ErrorCode::InvalidInput) << error.text();
  EXPECT_NE(error.text().find("memory"), std::string::npos) << error.text();
}

TEST_F(HostileArchive, WithAMillionExtensionHeadersIsRefused) {
  // A chain of GNU long-name headers: each is followed by another, so that a reader which nests on them runs out of
  // stack.
  std::string link(512, '\0');
  const std::string name = "././@LongLink";
  link.replace(0, name.size(), name);
  link.replace(100, 8, std::string("0000644\0", 8));
  link.replace(124, 12, std::string("00000000002\0", 12));
  link.replace(136, 12, std::string("00000000000\0", 12));
  link[156] = 'L';
  link.replace(257, 8, "ustar  ");
  link.replace(148, 8, std::string(8, ' '));
  unsigned sum = 0;
  for (const char c : link) sum += static_cast<unsigned char>(c);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  link.replace(148, 7, std::string(digits, 7));
  std::string chain;
  std::string content(512, '\0');
  content[0] = 'a';
  for (int i = 0; i < 100'000; ++i) chain += link + content;
  EXPECT_FALSE(refused(compressed(chain)).message.empty());
}

TEST_F(HostileArchive, OfNoiseIsRefused) {
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    std::string noise(random.below(3000), '\0');
    for (char& byte : noise) byte = static_cast<char>(random.below(256));
    EXPECT_FALSE(refused(noise).message.empty());
    EXPECT_FALSE(refused(compressed(noise)).message.empty());
  }
}

}  // namespace
}  // namespace images::bundle
