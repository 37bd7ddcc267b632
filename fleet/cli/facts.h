// A thing and its facts, one under the other, for people.
#pragma once

#include <boost/json/value.hpp>
#include <ostream>
#include <string>

namespace fleet::cli {

void print_machine(std::ostream& out, const boost::json::object& machine, std::size_t width);
void print_agreement(std::ostream& out, const boost::json::object& agreement, std::size_t width);
void print_history(std::ostream& out, const boost::json::object& thing, std::size_t width);

}  // namespace fleet::cli
