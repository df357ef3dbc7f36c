// maps.cc - C++ containers: maps of strings to vectors, filled, read, erased.
//
//   maps ROUNDS KEYS      (default 4 60000)
#include "timing.h"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

struct Record {
	std::string name;
	std::vector<int> values;
	std::shared_ptr<std::string> note;
};

using Table = std::map<std::string, Record>;

std::string key_of(uint64_t r)
{
	return "customer/" + std::to_string(r % 1000003) + "/account/" + std::to_string(r % 17);
}

void fill(Table &table, long keys, uint64_t seed)
{
	for (long i = 0; i < keys; i++) {
		uint64_t r = timing_random(&seed);
		Record &record = table[key_of(r)];
		record.name = "a name that does not fit in place " + std::to_string(r & 0xfff);
		for (unsigned j = 0; j < 4 + (r >> 40) % 8; j++)
			record.values.push_back(static_cast<int>(r >> j));
		if (r & 1)
			record.note = std::make_shared<std::string>(record.name + "!");
	}
}

uint64_t read(const Table &table, std::unordered_map<std::string, uint64_t> &index)
{
	uint64_t sum = 0;
	for (const auto &entry : table) {
		for (int v : entry.second.values)
			sum += static_cast<unsigned>(v);
		index[entry.second.name] += entry.second.values.size();
	}
	return sum;
}

void erase(Table &table)
{
	bool odd = false;
	for (auto i = table.begin(); i != table.end(); odd = !odd) {
		if (odd)
			i = table.erase(i);
		else
			++i;
	}
}

} // namespace

int main(int argc, char **argv)
{
	long rounds = timing_argument(argc, argv, 1, 4);
	long keys = timing_argument(argc, argv, 2, 60000);
	uint64_t sum = 0, start = timing_now();
	for (long i = 0; i < rounds; i++) {
		Table table;
		std::unordered_map<std::string, uint64_t> index;
		fill(table, keys, 88172645463325252u + static_cast<uint64_t>(i));
		sum += read(table, index);
		erase(table);
		sum += index.size() + table.size();
	}
	timing_print("maps", timing_now() - start, static_cast<uint64_t>(rounds * keys));
	fprintf(stderr, "sum %llu\n", static_cast<unsigned long long>(sum));
	return 0;
}
