// Goal: desktops are told to leave the lease partition and its opened mapping alone. Method: read the installed rule as udev does (a
// rule is a line of KEY op "value", joined by commas; udev(7)), and hold it against the markers of the contract. That udisks obeys is
// shown in a guest (tests/vm).
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>

#include "agent/contract/disk_markers.h"

namespace agent::daemon {
namespace {

struct Word {
  std::string key;
  std::string act;
  std::string value;
};

// The words of each rule; a line that is no rule fails the test.
std::vector<std::vector<Word>> rules() {
  std::ifstream file(LEASEBACK_SOURCE_DIR "/agent/daemon/install/90-leaseback.rules");
  EXPECT_TRUE(file);
  const std::regex word(R"re(\s*([A-Z_]+(?:\{[^}]+\})?)(==|!=|=|\+=|:=)"([^"]*)"\s*(,|$))re");
  std::vector<std::vector<Word>> found;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<Word> words;
    std::size_t end = 0;
    for (std::sregex_iterator match(line.begin(), line.end(), word), none; match != none; ++match) {
      EXPECT_EQ(static_cast<std::size_t>(match->position()), end) << line;
      end += static_cast<std::size_t>(match->length());
      words.push_back({(*match)[1], (*match)[2], (*match)[3]});
    }
    EXPECT_EQ(end, line.size()) << "not a rule: " << line;
    found.push_back(std::move(words));
  }
  return found;
}

bool hides(const std::string& key, const std::string& value) {
  const auto all = rules();
  return std::any_of(all.begin(), all.end(), [&](const std::vector<Word>& words) {
    return words.size() == 2 && words[0].key == key && words[0].act == "==" && words[0].value == value && words[1].key == "ENV{UDISKS_IGNORE}" &&
           words[1].act == "=" && words[1].value == "1";
  });
}

TEST(UdevRules, HideTheLeasePartitionByItsType) {
  std::string type(contract::lease_partition_type);
  std::transform(type.begin(), type.end(), type.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  EXPECT_TRUE(hides("ENV{ID_PART_ENTRY_TYPE}", type)) << "libblkid tells types in lower case";
}

TEST(UdevRules, HideWhatItBecomesWhenItIsOpen) { EXPECT_TRUE(hides("ENV{DM_NAME}", std::string(contract::lease_mapping_name))); }

}  // namespace
}  // namespace agent::daemon
