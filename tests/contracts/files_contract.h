// What every Files must do, whatever it stands on. A test instantiates the suite with a bench that owns the Files and
// names an empty folder in it:
//   struct MemoryBench { fakes::MemoryFiles files; std::string folder = "/work"; MemoryBench(); };
//   INSTANTIATE_TYPED_TEST_SUITE_P(MemoryFiles, FilesContract, MemoryBench);
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "images/files/files.h"

namespace tests::contracts {
using namespace images::files;

template <typename Bench>
class FilesContract : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return bench_.folder + "/" + name; }
  Files& files() { return bench_.files; }
  Bench bench_;
};

TYPED_TEST_SUITE_P(FilesContract);

TYPED_TEST_P(FilesContract, ReadsWhatWasReplaced) {
  Files& files = this->files();
  const std::string bytes("a\0b\xff\n", 5);
  ASSERT_TRUE(files.replace(this->path("f"), "old and much longer than the new", Access::Everyone));
  ASSERT_TRUE(files.replace(this->path("f"), bytes, Access::Everyone));
  EXPECT_EQ(*files.read(this->path("f"), kibibytes(1)), bytes);
  EXPECT_EQ(*files.size(this->path("f")), bytes.size());
  EXPECT_EQ(*files.list(this->bench_.folder), std::vector<std::string>{"f"}) << "nothing else is left beside the file";
}

TYPED_TEST_P(FilesContract, ReadsUpToTheLimitAndNoFurther) {
  Files& files = this->files();
  ASSERT_TRUE(files.replace(this->path("f"), "12345678", Access::Everyone));
  EXPECT_EQ(*files.read(this->path("f"), Bytes{8}), "12345678");
  EXPECT_EQ(files.read(this->path("f"), Bytes{7}).error().code, ErrorCode::LimitExceeded);
  ASSERT_TRUE(files.replace(this->path("empty"), "", Access::Everyone));
  EXPECT_EQ(*files.read(this->path("empty"), Bytes{0}), "");
}

TYPED_TEST_P(FilesContract, ReadsRangesAndStopsAtTheEnd) {
  Files& files = this->files();
  ASSERT_TRUE(files.replace(this->path("f"), "0123456789", Access::Everyone));
  EXPECT_EQ(*files.read_range(this->path("f"), 3, 4), "3456");
  EXPECT_EQ(*files.read_range(this->path("f"), 8, 4), "89");
  EXPECT_EQ(*files.read_range(this->path("f"), 10, 4), "");
  EXPECT_EQ(*files.read_range(this->path("f"), 99, 4), "");
}

TYPED_TEST_P(FilesContract, AppendsAtTheEndAndTruncates) {
  Files& files = this->files();
  ASSERT_TRUE(files.append(this->path("log"), "one", Access::OwnerOnly));
  ASSERT_TRUE(files.append(this->path("log"), "two", Access::OwnerOnly));
  ASSERT_TRUE(files.sync(this->path("log")));
  EXPECT_EQ(*files.read(this->path("log"), kibibytes(1)), "onetwo");
  ASSERT_TRUE(files.truncate(this->path("log"), 4));
  ASSERT_TRUE(files.append(this->path("log"), "X", Access::OwnerOnly));
  EXPECT_EQ(*files.read(this->path("log"), kibibytes(1)), "onetX");
  ASSERT_TRUE(files.truncate(this->path("log"), 7));
  EXPECT_EQ(*files.read(this->path("log"), kibibytes(1)), std::string("onetX\0\0", 7));
}

TYPED_TEST_P(FilesContract, SaysNotFoundForWhatIsNotThere) {
  Files& files = this->files();
  const std::string absent = this->path("absent");
  EXPECT_EQ(files.read(absent, kibibytes(1)).error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.read_range(absent, 0, 1).error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.size(absent).error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.list(absent).error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.sync(absent).error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.truncate(absent, 0).error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.rename(absent, this->path("other")).error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.replace(absent + "/f", "x", Access::Everyone).error().code, ErrorCode::NotFound);
  EXPECT_EQ(files.append(absent + "/f", "x", Access::Everyone).error().code, ErrorCode::NotFound);
  EXPECT_FALSE(*files.exists(absent));
  EXPECT_TRUE(files.remove(absent));
}

TYPED_TEST_P(FilesContract, MovesOneFileOverAnother) {
  Files& files = this->files();
  ASSERT_TRUE(files.replace(this->path("from"), "new", Access::Everyone));
  ASSERT_TRUE(files.replace(this->path("to"), "old", Access::Everyone));
  ASSERT_TRUE(files.rename(this->path("from"), this->path("to")));
  EXPECT_EQ(*files.read(this->path("to"), kibibytes(1)), "new");
  EXPECT_FALSE(*files.exists(this->path("from")));
}

TYPED_TEST_P(FilesContract, MakesDirectoriesWithTheirParents) {
  Files& files = this->files();
  ASSERT_TRUE(files.make_directory(this->path("a/b/c"), Access::OwnerOnly));
  ASSERT_TRUE(files.make_directory(this->path("a/b/c"), Access::OwnerOnly)) << "what is there already is no error";
  ASSERT_TRUE(files.replace(this->path("a/b/z"), "", Access::Everyone));
  ASSERT_TRUE(files.replace(this->path("a/b/k"), "", Access::Everyone));
  EXPECT_EQ(*files.list(this->path("a/b")), (std::vector<std::string>{"c", "k", "z"}));
  EXPECT_EQ(files.make_directory(this->path("a/b/z"), Access::Everyone).error().code, ErrorCode::AlreadyExists);
  EXPECT_EQ(files.make_directory(this->path("a/b/z/d"), Access::Everyone).error().code, ErrorCode::AlreadyExists);
}

TYPED_TEST_P(FilesContract, RemovesFilesAndEmptyDirectoriesOnly) {
  Files& files = this->files();
  ASSERT_TRUE(files.make_directory(this->path("d"), Access::OwnerOnly));
  ASSERT_TRUE(files.replace(this->path("d/f"), "", Access::Everyone));
  EXPECT_FALSE(files.remove(this->path("d")));
  ASSERT_TRUE(files.remove(this->path("d/f")));
  ASSERT_TRUE(files.remove(this->path("d")));
  EXPECT_FALSE(*files.exists(this->path("d")));
}

REGISTER_TYPED_TEST_SUITE_P(FilesContract, ReadsWhatWasReplaced, ReadsUpToTheLimitAndNoFurther,
                            ReadsRangesAndStopsAtTheEnd, AppendsAtTheEndAndTruncates, SaysNotFoundForWhatIsNotThere,
                            MovesOneFileOverAnother, MakesDirectoriesWithTheirParents,
                            RemovesFilesAndEmptyDirectoriesOnly);

}  // namespace tests::contracts
