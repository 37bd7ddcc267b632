// What staff read, as JSON: machines, agreements, parties, events. The shapes stand in API.md.
#pragma once

#include <boost/json/value.hpp>

#include "fleet/operations/operations.h"

namespace fleet::api {
using namespace policies::vocabulary;
namespace json = boost::json;

enum class Detail { Row, Whole };

json::object json_of(const operations::MachineView& view, const operations::Operations& operations, Detail detail, Instant now);
json::array allocations_of(const MachineId& machine, const operations::Operations& operations);
json::object json_of(const registry::Agreement& agreement, const operations::Operations& operations, Detail detail);
json::object json_of(const registry::Party& party);
json::object json_of(const registry::Event& event);

}  // namespace fleet::api
