// Goal: each order meets its disk, or nothing begins. Method: lists and names by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "provision/line/work_list.h"

namespace provision::line {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(WorkList, IsReadWithPathsFromItsFolder) {
  const auto items = work_list_from(
      "disks:\n  - {order: orders/a.yaml, disk: images/a.img}\n  - {order: /srv/b.yaml, disk: /dev/sdb, confirm: S3Z9}\n  - {order: c.yaml, disk: WD-77}\n",
      "monday/list.yaml", "monday");
  ASSERT_TRUE(items) << items.error().text();
  EXPECT_THAT(*items, ElementsAre(WorkItem{"monday/orders/a.yaml", "monday/images/a.img", ""}, WorkItem{"/srv/b.yaml", "/dev/sdb", "S3Z9"},
                                  WorkItem{"monday/c.yaml", "WD-77", ""}));
}

TEST(WorkList, IsRefusedWithPlaceAndValue) {
  for (const auto& [text, wanted] : std::vector<std::pair<std::string, std::string>>{
           {"disks: []\n", "list.yaml:1:"},
           {"disks:\n  - {order: a.yaml}\n", "list.yaml:2:"},
           {"disks:\n  - {order: a.yaml, disk: /x, colour: red}\n", "colour"},
           {"disks:\n  - {order: a.yaml, disk: /x}\n  - {order: a.yaml, disk: /y}\n", "a.yaml is in the list twice"},
           {"disks:\n  - {order: a.yaml, disk: /x}\n  - {order: b.yaml, disk: /x}\n", "/x is in the list twice"},
           {"machines: []\n", "disks"},
           {"not yaml: [", "list.yaml"}}) {
    const auto items = work_list_from(text, "list.yaml", "");
    ASSERT_FALSE(items) << text;
    EXPECT_THAT(items.error().text(), HasSubstr(wanted)) << text;
  }
}

TEST(Matched, FindsEachOrdersDiskByNameSerialOrWwn) {
  const auto found = matched({{"o/a.yaml", "home-a", "LB-1"}, {"o/b.yaml", "home-b", "LB-2"}, {"o/c.yaml", "home-c", "LB-3"}},
                             {{"disks/LB-1.img", "", ""}, {"/dev/sdb", "LB-2", "0x5"}, {"disks/home-c.raw", "", ""}, {"/dev/sdc", "OTHER", ""}});
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_THAT(found->items, ElementsAre(WorkItem{"o/a.yaml", "disks/LB-1.img", ""}, WorkItem{"o/b.yaml", "/dev/sdb", "LB-2"}, WorkItem{"o/c.yaml", "disks/home-c.raw", ""}));
  EXPECT_THAT(found->disks_left, ElementsAre("/dev/sdc"));
}

TEST(Matched, NamesEveryOrderThatHasNoDiskOrTooMany) {
  const auto found = matched({{"a.yaml", "home-a", "LB-1"}, {"b.yaml", "home-b", "LB-2"}, {"c.yaml", "home-c", "LB-1"}},
                             {{"x/LB-1.img", "", ""}, {"y/LB-1.img", "", ""}});
  ASSERT_FALSE(found);
  EXPECT_THAT(found.error().message, HasSubstr("a.yaml could go onto any of x/LB-1.img, y/LB-1.img"));
  EXPECT_THAT(found.error().message, HasSubstr("no disk is named LB-2 or home-b"));
  EXPECT_THAT(found.error().message, HasSubstr("c.yaml is a second order for machine LB-1"));
}

}  // namespace
}  // namespace provision::line
