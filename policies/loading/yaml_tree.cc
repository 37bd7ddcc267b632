#include "policies/loading/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "policies/loading/strict_yaml.h"

namespace policies::loading {
namespace {

YamlPlace place_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

// Thrown out of the library's callbacks and caught in yaml_tree_from, nowhere else.
struct Stopped {
  ErrorCode code;
  YamlPlace place;
  std::string why;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(YamlTree& tree) : tree_(tree) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(mark, YamlKind::Null, "", false);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Stopped{ErrorCode::InvalidInput, place_of(mark), "aliases (*name) are not allowed; write the value out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    add(mark, YamlKind::Scalar, value, tag == "?");
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlKind::List);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlKind::Map);
  }
  void OnMapEnd() override { open_.pop_back(); }
  // An anchor that marks nothing we keep still announces aliases.
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override { refuse_anchor(mark, name.empty() ? 0 : 1); }

 private:
  struct Open {
    std::size_t node;
    bool wants_value = false;
    std::string key;
    YamlPlace key_place;
  };

  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) throw Stopped{ErrorCode::InvalidInput, place_of(mark), "anchors (&name) are not allowed; write the value out"};
  }
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      throw Stopped{ErrorCode::InvalidInput, place_of(mark), "tags (!name) are not allowed"};
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YamlKind kind) {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    if (open_.size() >= static_cast<std::size_t>(yaml_depth_max))
      throw Stopped{ErrorCode::LimitExceeded, place_of(mark), "nested deeper than " + std::to_string(yaml_depth_max) + " levels"};
    if (!open_.empty() && tree_.nodes[open_.back().node].kind == YamlKind::Map && !open_.back().wants_value)
      throw Stopped{ErrorCode::InvalidInput, place_of(mark), "a key must be a plain word, not a list or a mapping"};
    const std::size_t node = add(mark, kind, "", false);
    open_.push_back({node, false, "", {}});
  }

  std::size_t add(const YAML::Mark& mark, YamlKind kind, const std::string& text, bool plain) {
    if (!open_.empty() && tree_.nodes[open_.back().node].kind == YamlKind::Map && !open_.back().wants_value) {
      if (kind != YamlKind::Scalar) throw Stopped{ErrorCode::InvalidInput, place_of(mark), "a key is missing before ':'"};
      open_.back().wants_value = true;
      open_.back().key = text;
      open_.back().key_place = place_of(mark);
      return 0;
    }
    if (tree_.nodes.size() >= static_cast<std::size_t>(yaml_nodes_max))
      throw Stopped{ErrorCode::LimitExceeded, place_of(mark), "more than " + std::to_string(yaml_nodes_max) + " values"};
    const std::size_t index = tree_.nodes.size();
    YamlNode node;
    node.kind = kind;
    // The library places a value that is not there on the next line; its key tells people more.
    const bool missing = kind == YamlKind::Null && !open_.empty() && open_.back().wants_value;
    node.place = missing ? open_.back().key_place : place_of(mark);
    node.text = text;
    node.plain = plain;
    tree_.nodes.push_back(std::move(node));
    if (!open_.empty()) attach(index);
    return index;
  }

  void attach(std::size_t index) {
    Open& parent = open_.back();
    YamlNode& owner = tree_.nodes[parent.node];
    if (owner.kind == YamlKind::List) {
      owner.items.push_back(index);
      return;
    }
    parent.wants_value = false;
    const auto earlier = std::find_if(owner.entries.begin(), owner.entries.end(), [&](const YamlEntry& e) { return e.key == parent.key; });
    if (earlier != owner.entries.end()) {
      tree_.notes.push_back({parent.key_place, "key '" + shown(parent.key) + "' is given twice, first in line " + std::to_string(earlier->place.line)});
      return;
    }
    if (owner.entries.size() >= entries_max)
      throw Stopped{ErrorCode::LimitExceeded, parent.key_place, "more than " + std::to_string(entries_max) + " keys in one mapping"};
    owner.entries.push_back({parent.key, parent.key_place, index, false});
  }

  static std::string shown(const std::string& key) {
    std::string safe = key.substr(0, 60);
    for (char& c : safe)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    return safe;
  }

  // Keeps the search for repeated keys short.
  static constexpr std::size_t entries_max = 1000;

  YamlTree& tree_;
  std::vector<Open> open_;
};

std::string at(const std::string& file, YamlPlace place) {
  return file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": ";
}

// What a file of people's words never holds: tabs, which YAML counts differently from editors, and other control characters.
Done check_characters(std::string_view text, const std::string& file) {
  YamlPlace place;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\t') return Error{ErrorCode::InvalidInput, at(file, place) + "a tab; indent and separate with spaces", {}};
    const bool line_end = byte == '\n' || (byte == '\r' && i + 1 < text.size() && text[i + 1] == '\n');
    if ((byte < 0x20 && !line_end) || byte == 0x7F)
      return Error{ErrorCode::InvalidInput, at(file, place) + "a control character (byte " + std::to_string(byte) + ")", {}};
    if (byte == '\n')
      place = {place.line + 1, 1};
    else if ((byte & 0xC0) != 0x80)
      ++place.column;
  }
  return {};
}

}  // namespace

Result<YamlTree> yaml_tree_from(std::string_view text, const std::string& file) {
  if (text.size() > yaml_size_max)
    return Error{ErrorCode::LimitExceeded,
                 at(file, {}) + "the file has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(yaml_size_max) + " are read", {}};
  if (Done checked = check_characters(text, file); !checked) return checked.error();
  YamlTree tree;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(tree);
    if (!parser.HandleNextDocument(builder) || tree.nodes.empty())
      return Error{ErrorCode::InvalidInput, at(file, {}) + "the file is empty", {}};
    YamlTree second;
    TreeBuilder rest(second);
    if (parser.HandleNextDocument(rest))
      return Error{ErrorCode::InvalidInput,
                   at(file, second.nodes.empty() ? YamlPlace{} : second.nodes.front().place) + "a second document; one file holds one", {}};
  } catch (const Stopped& stopped) {
    return Error{stopped.code, at(file, stopped.place) + stopped.why, {}};
  } catch (const YAML::Exception& failure) {
    return Error{ErrorCode::InvalidInput, at(file, place_of(failure.mark)) + "not YAML: " + failure.msg, {}};
  } catch (const std::exception& failure) {
    return Error{ErrorCode::InvalidInput, at(file, {}) + "not YAML: " + failure.what(), {}};
  }
  if (tree.nodes.front().kind != YamlKind::Map)
    return Error{ErrorCode::InvalidInput, at(file, tree.nodes.front().place) + "expected keys and values (key: value)", {}};
  return tree;
}

}  // namespace policies::loading
