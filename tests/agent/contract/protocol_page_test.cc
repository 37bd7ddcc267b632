// Goal: PROTOCOL.md stays true. Method: every message kind of the schema, every statement and every route that the page names is
// looked up where it is defined, and the other way round.
#include <google/protobuf/descriptor.h>

#include <regex>

#include "agent/contract/messages.pb.h"
#include "tests/golden/golden.h"

namespace agent::contract {
namespace {

std::string page(const std::string& path) { return tests::golden::read("../../" + path); }

TEST(ProtocolPage, NamesEveryKindOfMessage) {
  const std::string text = page("agent/contract/PROTOCOL.md");
  const google::protobuf::Descriptor* message = Message::descriptor();
  ASSERT_GT(message->field_count(), 30);
  for (int i = 0; i < message->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = message->field(i);
    if (field->containing_oneof() == nullptr) continue;
    const std::string kind = field->message_type()->name() == "Statement" ? field->name() : field->message_type()->name();
    EXPECT_NE(text.find("`" + kind + "`"), std::string::npos) << kind << " is not named in PROTOCOL.md";
  }
}

TEST(ProtocolPage, NamesOnlyRoutesOfTheInterface) {
  const std::string interface = page("fleet/api/API.md");
  const std::string text = page("agent/contract/PROTOCOL.md");
  const std::regex route("(?:GET|POST|PUT|DELETE) (/v1/[a-z/{}-]+)");
  int routes = 0;
  for (std::sregex_iterator match(text.begin(), text.end(), route), end; match != end; ++match) {
    const std::string path = (*match)[1];
    const std::string last = path.substr(path.rfind('/'));
    EXPECT_TRUE(interface.find(path) != std::string::npos || interface.find("..." + last) != std::string::npos) << path << " is not in API.md";
    ++routes;
  }
  EXPECT_GT(routes, 15);
}

TEST(ProtocolPage, CountsEveryKindOfTheSourceDocument) {
  const std::string text = page("agent/contract/PROTOCOL.md");
  const std::map<std::string, std::vector<std::string>> listed = {
      {"### Provider to server", {"NodeStatus", "NodeProfile", "GetConfig", "CacheContents", "Contents", "TaskStatus", "Task", "Error", "ExternalDelivery", "Heartbeat"}},
      {"### Server to provider", {"Task", "GetTaskStatus", "GetTask", "Config", "GetContents", "WorkSummary", "GetCacheContents", "DisplayContent", "Upgrade", "Error", "ExternalDelivery"}},
      {"### Client to server", {"GetConfig", "Task", "ClientProfile", "CreateJob", "Stop", "Resume", "RemoveJob", "GetJobProperties", "GetContents", "GetExecutableElement",
                                "GetDataElement", "RemoveExecutableElement", "RemoveDataElement", "Attach", "GetTask", "GetTaskStatus", "RemoveTask", "ExecutableElement",
                                "DataElement", "CloseSession", "Error", "ExternalDelivery", "Heartbeat"}},
      {"### Server to client", {"Task", "TaskStatus", "Config", "JobProperties", "Contents", "ExecutableElement", "DataElement", "Error", "ExternalDelivery"}}};
  for (const auto& [heading, names] : listed) {
    const std::size_t from = text.find(heading + "\n");
    ASSERT_NE(from, std::string::npos) << heading;
    const std::string section = text.substr(from + heading.size(), text.find("### ", from + 4) - from - heading.size());
    for (const std::string& name : names)
      EXPECT_TRUE(std::regex_search(section, std::regex("\n\\| ([A-Za-z, ]*, )?" + name + "[ ,(][^|]*\\| [^ |]|\n\\| ([A-Za-z, ]*, )?" + name + " \\| [^ |]")))
          << name << " has no counterpart under " << heading;
  }
}

}  // namespace
}  // namespace agent::contract
