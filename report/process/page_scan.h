/* page_scan.h - how the kernel is asked which pages a process has: PAGEMAP_SCAN, from Linux 6.7.
 *
 * The layout and the numbers are those of struct pm_scan_arg and struct page_region in linux/fs.h, which older headers
 * do not have. The descriptor is that of /proc/PID/pagemap.
 */
#ifndef TIDEMARK_PAGE_SCAN_H
#define TIDEMARK_PAGE_SCAN_H

#include <stdint.h>
#include <sys/ioctl.h>

struct page_scan_region {
	uint64_t start, end, categories;
};
struct page_scan {
	uint64_t size, flags, start, end, walk_end, vector, vector_length, max_pages;
	uint64_t inverted, mask, any_of, returned;
};
#define PAGE_SCAN _IOWR('f', 16, struct page_scan)
#define PAGE_SCAN_FILE (1ull << 2) /* of a file or of shared memory, not of the process alone */
#define PAGE_SCAN_PRESENT (1ull << 3)
#define PAGE_SCAN_SWAPPED (1ull << 4)
#define PAGE_SCAN_ZERO (1ull << 5)
#define PAGE_SCAN_HUGE (1ull << 6)

#endif
