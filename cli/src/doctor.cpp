// tow doctor: is this host fit for Towpath, and if not, what is to be done?

#include "doctor.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>

#include "command.hpp"
#include "output.hpp"

namespace tow::cli {
namespace {

const char* verdict_word(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::warn:
      return "warn";
    case Verdict::fail:
      break;
  }
  return "fail";
}

std::vector<Finding> examine_all(const Context& context) {
  std::vector<Finding> findings = examine_filesystem(Bus::path_of(context.bus).value());
  for (auto&& more : {examine_kernel(), examine_host()}) {
    findings.insert(findings.end(), more.begin(), more.end());
  }
  return findings;
}

void print(const std::vector<Finding>& findings) {
  std::size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.name.size());
  for (const Finding& finding : findings) {
    write_out(fmt::format("{:<5} {:<{}}  {}\n", verdict_word(finding.verdict), finding.name, width,
                          printable(finding.text)));
    if (finding.verdict == Verdict::ok) continue;
    write_out(fmt::format("{:<{}}  -> {}\n", "", width + 6, printable(finding.remedy)));
  }
}

int examine(const Context& context) {
  const auto findings = examine_all(context);
  const auto count = [&](Verdict verdict) {
    return std::count_if(findings.begin(), findings.end(),
                         [&](const Finding& finding) { return finding.verdict == verdict; });
  };
  if (context.json) {
    Json checks = Json::array();
    for (const Finding& finding : findings) {
      checks.push_back({{"check", finding.name},
                        {"verdict", verdict_word(finding.verdict)},
                        {"text", finding.text},
                        {"remedy", finding.remedy}});
    }
    print_json({{"warnings", count(Verdict::warn)},
                {"failures", count(Verdict::fail)},
                {"checks", checks}});
  } else {
    print(findings);
  }
  return count(Verdict::fail) == 0 ? kOk : kFailed;
}

}  // namespace

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  const auto begin = line.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return line.substr(begin, line.find_last_not_of(" \t") - begin + 1);
}

void add_doctor(CLI::App& app, Context& context) {
  CLI::App* const command =
      add_command(app, context, "doctor", "Examine this host and say what to mend", examine);
  command->footer(
      "Nothing is changed. `warn`: it works, but slower or less safely; `fail`: it will not work.\n"
      "Exit code 1: something fails.\n"
      "Examples:\n"
      "  tow doctor\n"
      "  tow doctor --json | jq '.checks[] | select(.verdict != \"ok\")'\n");
}

}  // namespace tow::cli
