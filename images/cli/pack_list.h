// The list that says what goes into a bundle, under which path and with which mode: a YAML file that people write.
//
//   kind: bundle-list
//   name: leaseback-agent
//   entries:
//     - {kind: file, from: leaseback-agent, path: /usr/lib/leaseback/leaseback-agent, mode: "0755"}
//     - {kind: directory, path: /var/lib/leaseback, mode: "0700"}
//     - {kind: link, path: /etc/x.service, target: /usr/lib/systemd/system/x.service}
//
// `from` is looked for in each of the folders given, in their order.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "images/bundle/bundle.h"

namespace images::cli {
using namespace policies::vocabulary;

struct PackList {
  std::string name;
  std::vector<bundle::Source> sources;  // `content` still as the list's `from`
};

// InvalidInput with file:line:column for each error.
Result<PackList> pack_list_from(std::string_view yaml, std::string file);

// The same sources with each `content` found below one of `folders`. NotFound, naming all that is missing.
Result<std::vector<bundle::Source>> located(files::Files& files, std::vector<bundle::Source> sources,
                                            const std::vector<std::string>& folders);

}  // namespace images::cli
