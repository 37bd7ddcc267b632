// Goal: every Elements keeps the port's promises. Method: one suite, run on each implementation.
//   INSTANTIATE_TEST_SUITE_P(Folder, ElementsContract, ::testing::Values(make_folder_subject));
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "fleet/store/elements.h"
#include "images/keys/keys.h"

namespace tests::contracts {
using namespace fleet::store;

class ElementsSubject {
 public:
  virtual ~ElementsSubject() = default;
  virtual Elements& elements() = 0;
  virtual void reopen() = 0;
  // Changes the stored bytes of an element that is there.
  virtual void damage(const Digest& digest) = 0;
};
using MakeElementsSubject = std::unique_ptr<ElementsSubject> (*)();

class ElementsContract : public ::testing::TestWithParam<MakeElementsSubject> {
 protected:
  void SetUp() override { subject_ = GetParam()(); }
  Elements& elements() { return subject_->elements(); }
  std::unique_ptr<ElementsSubject> subject_;
  const std::string bytes_ = std::string("shard\0bytes", 11);
  const Digest digest_ = images::keys::sha256(bytes_);
};

TEST_P(ElementsContract, ReturnsTheBytesAfterReopening) {
  ASSERT_TRUE(elements().put(digest_, bytes_).has_value());
  subject_->reopen();
  const Result<std::string> found = elements().get(digest_);
  ASSERT_TRUE(found.has_value()) << found.error().text();
  EXPECT_EQ(*found, bytes_);
  const Result<Bytes> size = elements().size(digest_);
  ASSERT_TRUE(size.has_value());
  EXPECT_EQ(size->count, bytes_.size());
}

TEST_P(ElementsContract, RefusesBytesOfAnotherDigest) {
  const Done put = elements().put(digest_, "other bytes");
  ASSERT_FALSE(put.has_value());
  EXPECT_EQ(put.error().code, ErrorCode::InvalidInput);
  EXPECT_EQ(elements().get(digest_).error().code, ErrorCode::NotFound);
}

TEST_P(ElementsContract, RefusesNamesThatAreNoDigest) {
  for (const std::string name : {"", "../../etc/passwd", "ABCDEF", "zz"}) {
    const Digest digest(name);
    EXPECT_EQ(elements().put(digest, "x").error().code, ErrorCode::InvalidInput) << name;
    EXPECT_EQ(elements().get(digest).error().code, ErrorCode::InvalidInput) << name;
    EXPECT_EQ(elements().get_range(digest, 0, 1).error().code, ErrorCode::InvalidInput) << name;
    EXPECT_EQ(elements().size(digest).error().code, ErrorCode::InvalidInput) << name;
    EXPECT_EQ(elements().erase(digest).error().code, ErrorCode::InvalidInput) << name;
  }
}

TEST_P(ElementsContract, ReadsRangesAndStopsAtTheEnd) {
  ASSERT_TRUE(elements().put(digest_, bytes_).has_value());
  EXPECT_EQ(elements().get_range(digest_, 6, 3).value_or("?"), "byt");
  EXPECT_EQ(elements().get_range(digest_, 6, 100).value_or("?"), "bytes");
  EXPECT_EQ(elements().get_range(digest_, 11, 4).value_or("?"), "");
}

TEST_P(ElementsContract, PutsTwiceErasesTwice) {
  ASSERT_TRUE(elements().put(digest_, bytes_).has_value());
  EXPECT_TRUE(elements().put(digest_, bytes_).has_value());
  EXPECT_TRUE(elements().erase(digest_).has_value());
  EXPECT_TRUE(elements().erase(digest_).has_value());
  EXPECT_EQ(elements().get(digest_).error().code, ErrorCode::NotFound);
  EXPECT_EQ(elements().size(digest_).error().code, ErrorCode::NotFound);
}

TEST_P(ElementsContract, ListsWhatIsThere) {
  std::vector<Digest> wanted;
  for (int i = 0; i < 20; ++i) {
    const std::string bytes = "element " + std::to_string(i);
    wanted.push_back(images::keys::sha256(bytes));
    ASSERT_TRUE(elements().put(wanted.back(), bytes).has_value());
  }
  Result<std::vector<Digest>> listed = elements().list();
  ASSERT_TRUE(listed.has_value());
  std::sort(wanted.begin(), wanted.end());
  std::sort(listed->begin(), listed->end());
  EXPECT_EQ(*listed, wanted);
}

TEST_P(ElementsContract, NoticesDamageAndIsHealedByPuttingAgain) {
  ASSERT_TRUE(elements().put(digest_, bytes_).has_value());
  subject_->damage(digest_);
  EXPECT_EQ(elements().get(digest_).error().code, ErrorCode::Corrupt);
  ASSERT_TRUE(elements().put(digest_, bytes_).has_value());
  EXPECT_EQ(elements().get(digest_).value_or("?"), bytes_);
}

TEST_P(ElementsContract, KeepsTheEmptyElement) {
  const Digest empty = images::keys::sha256("");
  ASSERT_TRUE(elements().put(empty, "").has_value());
  const Result<std::string> found = elements().get(empty);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, "");
}

}  // namespace tests::contracts
