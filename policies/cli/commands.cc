#include "policies/cli/commands.h"

#include "policies/loading/rule_folder.h"

namespace policies::cli {

command_line::Program policy_program(const Ports& ports) {
  return {"leaseback-policy",
          "checks lease terms, offers and prices, and shows what they mean for an order",
          {order_quote_command(ports), rules_check_command(), terms_show_command(ports), window_show_command(ports)}};
}

void declare_rules(std::string& folder, command_line::OptionList& list) {
  list.optional("rules", "DIR", folder, "folder of rules (default: the rules shipped with this program)");
}

std::string rules_folder(const std::string& given) { return given.empty() ? loading::default_rules_folder() : given; }

}  // namespace policies::cli
