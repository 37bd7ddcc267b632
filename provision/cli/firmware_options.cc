#include "provision/cli/firmware_options.h"

#include <istream>
#include <ostream>

namespace provision::cli {
namespace {

constexpr std::size_t password_size_max = 256;

}  // namespace

Result<std::string> read_password(const std::string& file, const Ports& ports, command_line::Streams& streams) {
  if (file.empty()) return std::string();
  std::string text;
  if (file == "-") {
    for (char c = 0; text.size() <= password_size_max && streams.in.get(c) && c != '\n';) text += c;
  } else {
    auto read = ports.files.read(file, kibibytes(4));
    if (!read) return read.error().within("reading the firmware's password");
    text = read->substr(0, read->find('\n'));
  }
  if (text.ends_with('\r')) text.pop_back();
  if (!text.empty() && text.size() <= password_size_max) return text;
  return Error{ErrorCode::InvalidInput, "the first line of '" + file + "' must hold the firmware's password, 1 to 256 bytes", {}};
}

void declare_password(std::string& file, command_line::OptionList& list) {
  list.optional("password-file", "FILE", file, "first line: the firmware administrator's password, set or to be set; - reads it from standard input");
}

void write_json(JsonText& json, const firmware::FirmwareReport& report) {
  json.key("done").array();
  for (const std::string& line : report.done) json.text(line);
  json.end().key("notes").array();
  for (const std::string& line : report.notes) json.text(line);
  json.end();
}

void print(const firmware::FirmwareReport& report, std::ostream& out) {
  for (const std::string& line : report.done) out << line << "\n";
  for (const std::string& line : report.notes) out << "note: " << line << "\n";
}

}  // namespace provision::cli
