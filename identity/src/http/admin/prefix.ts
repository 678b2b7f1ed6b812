/** Where the administration is. */
export const adminPrefix = "/admin/api";
