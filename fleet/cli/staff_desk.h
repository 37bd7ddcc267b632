// A staff member's conversation with the controller, and how its answers are put into words.
#pragma once

#include <boost/json/value.hpp>
#include <ostream>
#include <string>
#include <string_view>

#include "fleet/cli/commands.h"

namespace fleet::cli {
namespace json = boost::json;

// What every command takes.
struct DeskOptions {
  std::string home = "/var/lib/leaseback-fleet/staff";
  std::string clock;  // a clock file for rehearsals; empty: the real time
  bool json = false;
};
void declare_desk(DeskOptions& options, command_line::OptionList& list);

class StaffDesk {
 public:
  // Reads DIR/{staff.key, certificate.pem, authority.pem, controller.url}.
  static Result<StaffDesk> open(const Ports& ports, const DeskOptions& options);

  // The answer's body, an object. The controller's own error when it gave one.
  Result<json::object> get(const std::string& target);
  Result<json::object> post(const std::string& target, const json::object& body);
  // Every item of a paged list, e.g. all("/v1/events", "events", 1): asks again while the answer names a next one.
  Result<json::array> all(const std::string& target, std::string_view list, std::int64_t from);

 private:
  StaffDesk() = default;
  Result<json::object> ask(agent::link::HttpRequest request);
  std::unique_ptr<Clock> stepped_;  // when --clock was given; the exchange reads it
  std::unique_ptr<agent::link::HttpExchange> exchange_;
};

// "a b" -> "a%20b": for names within a path or query.
std::string escaped(std::string_view text);

// Fields of an answer as words; "-" for what is not there.
std::string text_in(const json::object& object, std::string_view name);
std::string money_in(const json::object& object, std::string_view name);
std::string bytes_in(const json::object& object, std::string_view name);
// The first twelve digits, as people read an id.
std::string short_id(const json::object& object, std::string_view name);
const json::array& list_in(const json::object& object, std::string_view name);
const json::object* object_in(const json::object& object, std::string_view name);

// The whole answer, indented, for --json.
void print_json(std::ostream& out, const json::value& value);

}  // namespace fleet::cli
