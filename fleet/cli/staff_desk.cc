#include "fleet/cli/staff_desk.h"

#include <boost/json.hpp>

#include "policies/vocabulary/hex.h"

namespace fleet::cli {
namespace {

constexpr Bytes file_max = kibibytes(64);

Result<std::string> read_in(const Ports& ports, const std::string& home, const std::string& name) {
  Result<std::string> text = ports.files.read(home + "/" + name, file_max);
  if (text) return text;
  return text.error().within("reading the staff home " + home + " (--home DIR; the controller makes the first one in its folder's staff/)");
}

ErrorCode code_of(std::string_view name, int status) {
  for (const ErrorCode code : {ErrorCode::InvalidInput, ErrorCode::NotFound, ErrorCode::AlreadyExists, ErrorCode::Conflict, ErrorCode::Refused,
                               ErrorCode::Unauthenticated, ErrorCode::PermissionDenied, ErrorCode::LimitExceeded, ErrorCode::OutOfSpace, ErrorCode::Unavailable})
    if (name_of(code) == name) return code;
  return status >= 500 ? ErrorCode::Unavailable : ErrorCode::InvalidInput;
}

void print_indented(std::ostream& out, const json::value& value, const std::string& indent) {
  const std::string inner = indent + "  ";
  if (value.is_object() && !value.get_object().empty()) {
    out << "{\n";
    std::size_t left = value.get_object().size();
    for (const auto& field : value.get_object()) {
      out << inner << json::serialize(json::string(field.key())) << ": ";
      print_indented(out, field.value(), inner);
      out << (--left == 0 ? "\n" : ",\n");
    }
    out << indent << "}";
  } else if (value.is_array() && !value.get_array().empty()) {
    out << "[\n";
    std::size_t left = value.get_array().size();
    for (const json::value& item : value.get_array()) {
      out << inner;
      print_indented(out, item, inner);
      out << (--left == 0 ? "\n" : ",\n");
    }
    out << indent << "]";
  } else {
    out << json::serialize(value);
  }
}

}  // namespace

void declare_desk(DeskOptions& options, command_line::OptionList& list) {
  list.optional("home", "DIR", options.home, "the staff home: key, certificate and the controller's address");
  list.optional("clock", "FILE", options.clock, "take the time from this file, for rehearsals");
  list.json(options.json);
}

Result<StaffDesk> StaffDesk::open(const Ports& ports, const DeskOptions& options) {
  const std::string& home = options.home;
  StaffDesk desk;
  if (!options.clock.empty()) {
    Result<std::unique_ptr<Clock>> stepped = ports.open_clock(options.clock);
    if (!stepped) return stepped.error().within("reading the clock " + options.clock);
    desk.stepped_ = *std::move(stepped);
  }
  agent::link::HttpsClientSettings settings;
  Result<std::string> url = read_in(ports, home, "controller.url");
  if (!url) return url.error();
  while (url->ends_with('\n')) url->pop_back();
  Result<agent::link::Endpoint> endpoint = agent::link::endpoint_from(*url);
  if (!endpoint) return endpoint.error().within("reading " + home + "/controller.url");
  settings.host = endpoint->host;
  settings.port = endpoint->port;
  for (const auto& [name, field] : {std::pair{"authority.pem", &settings.authority_pem}, std::pair{"certificate.pem", &settings.certificate_pem},
                                    std::pair{"staff.key", &settings.private_key_pem}}) {
    Result<std::string> text = read_in(ports, home, name);
    if (!text) return text.error();
    *field = *std::move(text);
  }
  Result<std::unique_ptr<agent::link::HttpExchange>> exchange =
      ports.connect(std::move(settings), desk.stepped_ ? static_cast<const Clock&>(*desk.stepped_) : ports.clock);
  if (!exchange) return exchange.error().within("connecting to " + *url);
  desk.exchange_ = *std::move(exchange);
  return desk;
}

Result<json::object> StaffDesk::get(const std::string& target) {
  agent::link::HttpRequest request;
  request.target = target;
  return ask(std::move(request));
}

Result<json::object> StaffDesk::post(const std::string& target, const json::object& body) {
  agent::link::HttpRequest request;
  request.method = "POST";
  request.target = target;
  request.headers["content-type"] = "application/json";
  request.body = json::serialize(body);
  return ask(std::move(request));
}

Result<json::array> StaffDesk::all(const std::string& target, std::string_view list, std::int64_t from) {
  json::array items;
  for (std::string next = std::to_string(from); !next.empty();) {
    Result<json::object> page = get(target + "?from=" + next);
    if (!page) return page.error();
    for (const json::value& item : list_in(*page, list)) items.push_back(item);
    next = page->contains("next") ? text_in(*page, "next") : std::string();
  }
  return items;
}

Result<json::object> StaffDesk::ask(agent::link::HttpRequest request) {
  Result<agent::link::HttpResponse> answer = exchange_->exchange(request);
  if (!answer) return answer.error().within("asking the controller");
  boost::system::error_code failure;
  json::value body = json::parse(answer->body, failure);
  if (failure || !body.is_object())
    return Error{ErrorCode::InvalidInput, "the controller answered " + std::to_string(answer->status) + " with something that is no JSON object", {}};
  if (answer->status < 300) return std::move(body.as_object());
  return Error{code_of(text_in(body.as_object(), "code"), answer->status), text_in(body.as_object(), "message"), {}};
}

std::string escaped(std::string_view text) {
  std::string written;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~' || c == ':';
    written += plain ? std::string(1, c) : "%" + hex_of(std::string_view(&c, 1));
  }
  return written;
}

std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return value->get_string().empty() ? "-" : std::string(value->get_string());
  if (value->is_bool()) return value->get_bool() ? "yes" : "no";
  return json::serialize(*value);
}

const json::object* object_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  return value == nullptr ? nullptr : value->if_object();
}

std::string money_in(const json::object& object, std::string_view name) {
  const json::object* money = object_in(object, name);
  if (money == nullptr || !money->contains("minor") || !money->contains("currency")) return "-";
  boost::system::error_code failure;
  const auto minor = money->at("minor").to_number<std::int64_t>(failure);
  return failure ? "-" : Money(minor, Currency{text_in(*money, "currency")}).text();
}

std::string bytes_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_number()) return "-";
  boost::system::error_code failure;
  const auto count = value->to_number<std::uint64_t>(failure);
  return failure ? "-" : Bytes{count}.text();
}

std::string short_id(const json::object& object, std::string_view name) {
  const std::string whole = text_in(object, name);
  return is_sha256_hex(whole) ? whole.substr(0, 12) : whole;
}

const json::array& list_in(const json::object& object, std::string_view name) {
  static const json::array none;
  const json::value* value = object.if_contains(json::string_view(name.data(), name.size()));
  return value == nullptr || !value->is_array() ? none : value->get_array();
}

void print_json(std::ostream& out, const json::value& value) {
  print_indented(out, value, "");
  out << "\n";
}

}  // namespace fleet::cli
